/*
 * sup_spawn starts one process, sets everything up before exec, and returns after exec has succeeded or failed.
 *
 * The daemon compiles this file when it starts (TinyCC inside Bun). There are no headers, so libc functions are declared here.
 *
 * It uses vfork, not fork: the child shares the daemon's memory, and the daemon sleeps until the child calls exec or ends. So
 *   - the cost does not grow with the daemon's memory,
 *   - a failing child writes its stage and errno directly into *a; no pipe is needed,
 *   - the child must not call anything with state in user space: no malloc, no stdio, no locks. glibc's setuid functions are
 *     excluded too: they stop every thread of the process, which would be the daemon's threads. The child makes raw system
 *     calls instead.
 * clone3 with CLONE_INTO_CGROUP creates the child directly in its cgroup. Moving it afterwards would wait for every processor
 * of the machine, 7 to 20 ms in which the daemon sleeps too.
 *
 * All signals are blocked from before the vfork until the child has reset its dispositions, so a signal handler of the daemon
 * can never run in the child on the daemon's memory.
 */

typedef unsigned long word;

struct limit { word soft, hard; };

/* spawn.ts takes the offsets from sup_exports below. Integers are of 4 bytes. */
struct attempt {
  const char *path;
  char *const *argv;
  char *const *envp;
  const char *cwd;                 /* 0: unchanged */
  const char *oom_score_adj;       /* a decimal number; 0: unchanged */
  char *const *pid_texts;          /* places in envp where the child writes its pid (LISTEN_PID, WATCHDOG_PID); ends with 0 */
  const int *fds;                  /* fds[i] becomes i; -1 is /dev/null */
  const unsigned *groups;
  const int *limit_ids;
  const struct limit *limits;
  int cgroup;                      /* descriptor of the directory of the child's cgroup; -1: the daemon's cgroup */
  int fd_count;
  int group_count;                 /* -1: unchanged */
  int limit_count;
  int umask;                       /* -1: unchanged */
  int has_nice, nice;
  int has_gid; unsigned gid;
  int has_uid; unsigned uid;
  int stage, error, detail;        /* results: the stage that failed, errno, and the index of the limit or descriptor */
};

/* Their names, those of SPAWN_STAGES in base/spawn-stages.ts, are in sup_exports. */
enum { FORK = 1, CGROUP, SESSION, OOM_SCORE, NICE, LIMITS, DESCRIPTORS, GROUPS, GID, UID, CHDIR, EXEC };

#ifdef __aarch64__
enum { NR_sigaction = 134, NR_sigprocmask = 135, NR_setresgid = 149, NR_setresuid = 147, NR_setgroups = 159, NR_clone = 220 };
#else
enum { NR_sigaction = 13, NR_sigprocmask = 14, NR_setresgid = 119, NR_setresuid = 117, NR_setgroups = 116, NR_clone = 56 };
#endif
enum { NR_clone3 = 435, NR_close_range = 436, CLOSE_RANGE_CLOEXEC = 4 };
enum { SIG_SETMASK = 2, LAST_SIGNAL = 64, PRIO_PROCESS = 0 };
enum { O_WRONLY = 1, O_RDWR = 2, O_CLOEXEC = 02000000, F_SETFD = 2, FD_CLOEXEC = 1, F_DUPFD_CLOEXEC = 1030 };
enum { MAX_FDS = 256, EINTR = 4, E2BIG = 7, EAGAIN = 11, ENOMEM = 12, SIGCHLD = 17 };

long syscall(long, ...);
int execve(const char *, char *const *, char *const *);
void _exit(int);
int getpid(void);
int setsid(void);
unsigned umask(unsigned);
int setpriority(int, unsigned, int);
int setrlimit(int, const struct limit *);
int open(const char *, int, ...);
long write(int, const void *, word);
int close(int);
int fcntl(int, int, ...);
int dup2(int, int);
int chdir(const char *);
int waitpid(int, int *, int);
int *__errno_location(void);

static word length(const char *text) {
  word n = 0;
  while (text[n]) n++;
  return n;
}

static int put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  long written;
  if (fd < 0) return -1;
  written = write(fd, text, length(text));
  close(fd);
  return written < 0 ? -1 : 0;
}

static void decimal(char *to, int number) {
  char digits[12];
  int n = 0;
  do digits[n++] = '0' + number % 10; while (number /= 10);
  while (n) *to++ = digits[--n];
  *to = 0;
}

/* Resets all signals, including the real-time ones: the child must not inherit that the daemon ignores SIGPIPE. */
static void default_signals(void) {
  word action[4] = {0, 0, 0, 0}; /* struct kernel_sigaction: SIG_DFL, no flags, no mask */
  int signal;
  for (signal = 1; signal <= LAST_SIGNAL; signal++) syscall(NR_sigaction, (long)signal, action, 0L, 8L);
}

/* Sources inside the target range are first moved out of it; otherwise {3 -> 4, 4 -> 3} would lose one of them. */
static int place_descriptors(struct attempt *a) {
  int moved[MAX_FDS], i;
  for (i = 0; i < a->fd_count; i++) {
    a->detail = i;
    moved[i] = a->fds[i] < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : a->fds[i];
    if (moved[i] < 0) return -1;
    if (moved[i] < a->fd_count && (moved[i] = fcntl(moved[i], F_DUPFD_CLOEXEC, a->fd_count)) < 0) return -1;
  }
  for (i = 0; i < a->fd_count; i++) {
    a->detail = i;
    if (dup2(moved[i], i) < 0) return -1; /* the copy is not close-on-exec */
  }
  if (syscall(NR_close_range, (long)a->fd_count, 0xffffffffL, (long)CLOSE_RANGE_CLOEXEC) != 0)
    for (i = a->fd_count; i < 4096; i++) fcntl(i, F_SETFD, FD_CLOEXEC); /* Linux before 5.11 */
  return 0;
}

/* Runs in the child. Returns only on failure; a->stage is then the stage that failed. */
static void set_up_and_exec(struct attempt *a) {
  word none = 0;
  int i;
  default_signals();

  a->stage = SESSION;
  if (setsid() < 0) return;
  a->stage = OOM_SCORE;
  if (a->oom_score_adj && put("/proc/self/oom_score_adj", a->oom_score_adj)) return;
  a->stage = NICE;
  if (a->has_nice && setpriority(PRIO_PROCESS, 0, a->nice)) return;
  a->stage = DESCRIPTORS; /* before the limits: a small RLIMIT_NOFILE would make dup2 fail */
  if (place_descriptors(a)) return;
  a->stage = LIMITS;
  for (i = 0; i < a->limit_count; i++) {
    a->detail = i;
    if (setrlimit(a->limit_ids[i], &a->limits[i])) return;
  }
  if (a->umask >= 0) umask(a->umask);
  a->stage = GROUPS;
  if (a->group_count >= 0 && syscall(NR_setgroups, (long)a->group_count, a->groups)) return;
  a->stage = GID;
  if (a->has_gid && syscall(NR_setresgid, (long)a->gid, (long)a->gid, (long)a->gid)) return;
  a->stage = UID;
  if (a->has_uid && syscall(NR_setresuid, (long)a->uid, (long)a->uid, (long)a->uid)) return;
  a->stage = CHDIR; /* as the user: root may enter directories that the user may not */
  if (a->cwd && chdir(a->cwd)) return;

  a->stage = EXEC;
  for (i = 0; a->pid_texts[i]; i++) decimal(a->pid_texts[i], getpid());
  syscall(NR_sigprocmask, (long)SIG_SETMASK, &none, 0L, 8L);
  execve(a->path, a->argv, a->envp);
}

static struct attempt *current;

static void child(void) {
  set_up_and_exec(current);
  current->error = *__errno_location();
  _exit(127);
}

/*
 * clone_call(number, a, b, child): the system call clone or clone3 with these arguments, in machine code. Returns the pid or
 * -errno in the daemon; the child continues in child() and never returns.
 *
 * libc functions cannot be used here. Both processes share one stack while the daemon sleeps. The child writes only below the
 * frame of clone_call's caller, but it would overwrite the frame of libc's `syscall` where that has one (musl). And musl's
 * vfork on arm64 is a fork.
 */
#define CODE __attribute__((section(".text")))
#ifdef __aarch64__
static const unsigned clone_call_code[] CODE = {
  0xaa0003e8,       /* mov x8, x0 */
  0xaa0103e0,       /* mov x0, x1 */
  0xaa0203e1,       /* mov x1, x2 */
  0xaa0303e9,       /* mov x9, x3 */
  0xd2800002,       /* mov x2, #0 */
  0xd2800003,       /* mov x3, #0 */
  0xd2800004,       /* mov x4, #0 */
  0xd4000001,       /* svc #0 */
  0xb4000040,       /* cbz x0, past the ret */
  0xd65f03c0,       /* ret */
  0xd61f0120,       /* br x9 */
};
#else
static const unsigned char clone_call_code[] CODE = {
  0x48, 0x89, 0xf8, /* mov rax, rdi */
  0x48, 0x89, 0xf7, /* mov rdi, rsi */
  0x48, 0x89, 0xd6, /* mov rsi, rdx */
  0x49, 0x89, 0xc9, /* mov r9, rcx */
  0x31, 0xd2,       /* xor edx, edx */
  0x45, 0x31, 0xd2, /* xor r10d, r10d */
  0x45, 0x31, 0xc0, /* xor r8d, r8d */
  0x0f, 0x05,       /* syscall */
  0x48, 0x85, 0xc0, /* test rax, rax */
  0x74, 0x01,       /* jz past the ret */
  0xc3,             /* ret */
  0x41, 0xff, 0xe1, /* jmp r9 */
};
#endif
typedef long clone_call(long number, word a, word b, void (*child)(void));

/* struct clone_args of linux/sched.h. The kernel knows its version by its size. */
struct clone_args {
  word flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
#define CLONE_VM 0x100UL
#define CLONE_VFORK 0x4000UL
#define CLONE_INTO_CGROUP 0x200000000UL

static long vfork_child(int cgroup) {
  struct clone_args args = {CLONE_VM | CLONE_VFORK | CLONE_INTO_CGROUP, 0, 0, 0, SIGCHLD, 0, 0, 0, 0, 0, 0};
  if (cgroup < 0) return ((clone_call *)clone_call_code)(NR_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, child);
  args.cgroup = (word)cgroup;
  return ((clone_call *)clone_call_code)(NR_clone3, (word)&args, sizeof args, child);
}

/* Returns the pid; or 0 with a->stage and a->error set, and then no process is left. */
int sup_spawn(struct attempt *a) {
  word all = ~0UL, before;
  long pid;
  if (a->fd_count > MAX_FDS) {
    a->stage = DESCRIPTORS;
    a->error = E2BIG;
    return 0;
  }
  a->stage = FORK;
  a->error = 0;
  syscall(NR_sigprocmask, (long)SIG_SETMASK, &all, &before, 8L);
  current = a;
  pid = vfork_child(a->cgroup);
  if (pid < 0) {
    a->error = -pid;
    if (a->cgroup >= 0 && a->error != EAGAIN && a->error != ENOMEM) a->stage = CGROUP;
    pid = 0;
  } else if (a->error) {
    while (waitpid((int)pid, 0, 0) < 0 && *__errno_location() == EINTR) {}
    pid = 0;
  }
  syscall(NR_sigprocmask, (long)SIG_SETMASK, &before, 0L, 8L);
  return (int)pid;
}

/* The layout and the stages, which spawn.ts reads by name (ffi/c-exports.ts): a new field or stage needs an entry here. */
struct exported { const char *name; word value, size; };
#define FIELD(type, field) {#type "." #field, (word)&((struct type *)0)->field, sizeof ((struct type *)0)->field}
#define SIZE(type) {#type, sizeof(struct type), 0}
#define STAGE(name, number) {"stage " name, number, 0}

const struct exported *sup_exports(void) {
  static const struct exported table[] = {
    SIZE(attempt),
    FIELD(attempt, path), FIELD(attempt, argv), FIELD(attempt, envp), FIELD(attempt, cwd), FIELD(attempt, oom_score_adj),
    FIELD(attempt, pid_texts), FIELD(attempt, fds), FIELD(attempt, groups), FIELD(attempt, limit_ids), FIELD(attempt, limits),
    FIELD(attempt, cgroup), FIELD(attempt, fd_count), FIELD(attempt, group_count), FIELD(attempt, limit_count),
    FIELD(attempt, umask), FIELD(attempt, has_nice), FIELD(attempt, nice), FIELD(attempt, has_gid), FIELD(attempt, gid),
    FIELD(attempt, has_uid), FIELD(attempt, uid), FIELD(attempt, stage), FIELD(attempt, error), FIELD(attempt, detail),
    STAGE("fork", FORK), STAGE("cgroup", CGROUP), STAGE("session", SESSION), STAGE("oom-score", OOM_SCORE), STAGE("nice", NICE),
    STAGE("limits", LIMITS), STAGE("descriptors", DESCRIPTORS), STAGE("groups", GROUPS), STAGE("gid", GID), STAGE("uid", UID),
    STAGE("chdir", CHDIR), STAGE("exec", EXEC),
    {0, 0, 0},
  };
  return table;
}
