/* A service with three further processes: a child, a child in its own session, and a double-forked daemon. Each process
   appends "MAIN ROLE PID\n" to FILE and waits. usage: tree FILE */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *file;
static int main_pid;

static void be(const char *role) {
  char line[128];
  int length = snprintf(line, sizeof line, "%d %s %d\n", main_pid, role, (int)getpid());
  int fd = open(file, O_WRONLY | O_APPEND | O_CREAT, 0600);
  if (fd < 0 || write(fd, line, (size_t)length) != length) _exit(1);
  close(fd);
  for (;;) pause();
}

int main(int argc, char **argv) {
  int between;
  if (argc < 2) return 2;
  file = argv[1];
  main_pid = getpid();
  if (fork() == 0) be("child");
  if (fork() == 0) {
    setsid();
    be("session");
  }
  if ((between = fork()) == 0) {
    setsid();
    if (fork() == 0) be("daemon");
    _exit(0);
  }
  waitpid(between, NULL, 0);
  be("main");
}
