/* Writes PER_SECOND numbered lines of LENGTH bytes per second to standard output, one write(2) per line, until it is killed.
   usage: ticks PER_SECOND LENGTH */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  char line[4096];
  long n = 0, rate, length;
  struct timespec due;
  if (argc < 3 || (rate = atol(argv[1])) < 1 || (length = atol(argv[2])) < 12 || length > (long)sizeof line) return 2;
  memset(line, 'x', sizeof line);
  clock_gettime(CLOCK_MONOTONIC, &due);
  due.tv_nsec = (getpid() * 7919L % 1000) * 1000000L; /* spreads the processes over the second */
  for (;;) {
    int i, digits = snprintf(line, sizeof line, "%ld", ++n);
    for (i = digits; i < 11; i++) line[i] = ' ';
    line[digits] = ' ';
    line[length - 1] = '\n';
    if (write(1, line, (size_t)length) != length) return 1;
    due.tv_nsec += 1000000000L / rate;
    while (due.tv_nsec >= 1000000000L) due.tv_nsec -= 1000000000L, due.tv_sec++;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
  }
}
