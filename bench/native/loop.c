/* A lower bound for any supervisor: it uses only fork, exec and waitpid. Keeps COUNT services running. SIGTERM ends them and
   the loop. usage: loop COUNT SERVICE FILE */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t ending;
static void end(int signal) { ending = signal; }

static pid_t start(char **argv, int number) {
  pid_t pid = vfork();
  if (pid == 0) {
    char name[16];
    snprintf(name, sizeof name, "u%d", number);
    execl(argv[2], argv[2], argv[3], name, (char *)0);
    _exit(127);
  }
  return pid;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  int count = atoi(argv[1]);
  pid_t *pids = calloc((size_t)count, sizeof *pids);
  struct sigaction action = {.sa_handler = end};
  sigaction(SIGTERM, &action, 0);
  for (int i = 0; i < count; i++) pids[i] = start(argv, i);
  while (!ending) {
    pid_t pid = waitpid(-1, 0, 0);
    for (int i = 0; pid > 0 && i < count; i++)
      if (pids[i] == pid && !ending) pids[i] = start(argv, i);
  }
  for (int i = 0; i < count; i++) kill(pids[i], SIGTERM);
  while (waitpid(-1, 0, 0) > 0 || errno == EINTR) {
  }
  return 0;
}
