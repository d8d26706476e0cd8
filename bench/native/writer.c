/* Writes "PID N\n" to standard output 5000 times a second, with N counting from 1, and stores the number of the last written
   line in DIRECTORY/PID. Exits when a write fails. SIGPIPE kills the program. usage: writer DIRECTORY */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  char path[4096], line[64], count[32];
  long n;
  int fd;
  if (argc < 2) return 2;
  snprintf(path, sizeof path, "%s/%d", argv[1], (int)getpid());
  fd = open(path, O_WRONLY | O_CREAT, 0600);
  if (fd < 0) return 1;
  for (n = 1;; n++) {
    int length = snprintf(line, sizeof line, "%d %ld\n", (int)getpid(), n);
    if (write(1, line, (size_t)length) != length) return 1;
    length = snprintf(count, sizeof count, "%ld", n);
    if (pwrite(fd, count, (size_t)length, 0) != length) return 1;
    usleep(200);
  }
}
