/* Reads the output of `flood` from standard input, with any prefix before each line. Prints "LINES GAPS", which are the number
   of lines and how often a line's number did not follow the previous one. A line that is not from `flood` counts as a gap. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE 100
static char buffer[1 << 22];

int main(void) {
  long lines = 0, gaps = 0, last = 0;
  size_t kept = 0;
  ssize_t got;
  while ((got = read(0, buffer + kept, sizeof buffer - kept)) > 0) {
    char *at = buffer, *end = buffer + kept + got, *newline;
    while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
      const char *text = newline + 1 - LINE;
      long n = 0;
      int i;
      lines++;
      if (text < at || text[12] != ' ' || text[98] != 'x') n = -1;
      else for (i = 0; i < 12; i++) n = n * 10 + (text[i] - '0');
      if (n != last + 1) gaps++;
      if (n >= 0) last = n;
      at = newline + 1;
    }
    kept = (size_t)(end - at);
    memmove(buffer, at, kept);
  }
  if (kept > 0) gaps++;
  printf("%ld %ld\n", lines, gaps);
  return 0;
}
