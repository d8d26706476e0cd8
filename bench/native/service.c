/* The service of the benchmarks. It appends "NAME PID NANOSECONDS\n" (CLOCK_MONOTONIC) to FILE, and then waits for a signal.
   usage: service FILE NAME */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (argc < 3) return 2;
  char line[128];
  int length = snprintf(line, sizeof line, "%s %d %lld\n", argv[2], (int)getpid(), now.tv_sec * 1000000000LL + now.tv_nsec);
  int fd = open(argv[1], O_WRONLY | O_APPEND | O_CREAT, 0600);
  if (fd < 0 || write(fd, line, (size_t)length) != length) return 1; /* a short append is atomic */
  close(fd);
  for (;;) pause();
}
