/*
 * Waits until somebody opens the FIFO GO for writing. Then it writes MEGABYTES of numbered 100-byte lines to standard output as fast
 * as the reader takes them. Finally it writes "BEGAN ENDED" (nanoseconds of CLOCK_MONOTONIC) to FILE, and sleeps until it is killed.
 * usage: flood MEGABYTES FILE GO
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE 100
#define LINES 655 /* lines per write; they take less than the 64 KiB that a pipe holds */

static char chunk[LINES * LINE];

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void put(char *at, long n) {
  int i;
  for (i = 11; i >= 0; i--, n /= 10) at[i] = (char)('0' + n % 10);
}

int main(int argc, char **argv) {
  long n = 0, total;
  long long began;
  char words[64];
  int fd, i;
  if (argc < 4) return 2;
  total = atol(argv[1]) * 1000000L / LINE;
  memset(chunk, 'x', sizeof chunk);
  for (i = 0; i < LINES; i++) chunk[i * LINE + 12] = ' ', chunk[i * LINE + LINE - 1] = '\n';
  if (open(argv[3], O_RDONLY) < 0) return 1;
  began = now();
  while (n < total) {
    long lines = total - n < LINES ? total - n : LINES;
    size_t done = 0, length = (size_t)lines * LINE;
    for (i = 0; i < lines; i++) put(chunk + i * LINE, ++n);
    while (done < length) {
      ssize_t written = write(1, chunk + done, length - done);
      if (written < 0) return 1;
      done += (size_t)written;
    }
  }
  fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0) return 1;
  i = snprintf(words, sizeof words, "%lld %lld\n", began, now());
  if (write(fd, words, (size_t)i) != i || close(fd) != 0) return 1;
  for (;;) pause();
}
