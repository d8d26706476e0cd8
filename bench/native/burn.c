/* Uses a whole core until it is killed, its parent ends, or SECONDS have passed. usage: burn SECONDS */
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  time_t end;
  volatile unsigned long work = 0;
  if (argc < 2) return 2;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return 1;
  alarm((unsigned)atoi(argv[1])); /* also ends the process if it gets no CPU time */
  end = time(NULL) + atoi(argv[1]);
  while (time(NULL) < end)
    for (int i = 0; i < 1000000; i++) work += (unsigned long)i;
  return 0;
}
