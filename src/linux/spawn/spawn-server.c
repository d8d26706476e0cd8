/*
 * The spawn server: a bare process (bare-process.c) that creates the processes of services, so that the daemon never waits for one.
 *
 * It clones with CLONE_PARENT: the new process is a child of the daemon. It does not wait for the child either, which sets itself
 * up and calls exec. A child that hangs (its working directory is on a file system that does not answer) or that is stopped by
 * its user holds up nobody.
 *
 * A request is one message with descriptors (SCM_RIGHTS): a memfd with a struct request, the write end of a pipe, the directory of
 * the child's cgroup if there is one, and what becomes 0, 1, 2 and so on. The child reports its steps in the pipe, which exec
 * closes. So the daemon sees at the end of the pipe:
 *   - a report with an error: the start failed at this step,
 *   - a report without one: exec has succeeded (or the child was killed; its exit status says so),
 *   - nothing: the server was killed before it took up the request, and there is no process.
 * A child that cannot report ends, since the daemon has given the start up or is dead: then nothing is executed that the next
 * daemon would execute again.
 *
 * The child shares the server's memory until exec (CLONE_VM), which takes half the time of a copy. So each child has a slot with its
 * own stack and data. The kernel marks the slot as free when the child has called exec or has ended. When all slots are taken by
 * children that hang, further children get a copy of the memory.
 */

/* spawn-server.ts takes the offsets of these structs from sup_exports. Integers are of 4 bytes; `…_at` are offsets in the memfd. */
struct message {
  int size_bytes, has_cgroup, descriptor_count;
  int own_memory;                  /* /proc/self/oom_score_adj is of all processes that share their memory: the child needs a copy */
};

struct request {
  int candidate_count;             /* files to execute: the first that can be executed is */
  int is_search;                   /* they come from PATH: only EACCES is worth a report other than "not found" */
  int argument_count;
  int has_cwd;
  int has_oom_score_adj;
  int variable_count;
  int pid_variable_count;          /* the last variables (LISTEN_PID, WATCHDOG_PID): the child writes its pid into their values */
  int strings_at;                  /* candidates, arguments, cwd, oom_score_adj, variables NAME=VALUE: all end with 0 */
  int vectors_at;                  /* room for a pointer to each string and three more */
  int limits_at, limit_count;
  int groups_at, group_count;      /* -1: unchanged */
  int fds_at, fd_count;            /* fds[i], an index of the descriptors of the message, becomes i; -1 is /dev/null */
  int umask;
  int has_nice, nice;
  int has_gid, gid;
  int has_uid, uid;
};

struct limit { word id, soft, hard; };

/* detail: the index of the candidate, limit or descriptor. cgroup_error: why the child is not in its cgroup; 0: it is, or has none. */
struct report { int pid, stage, error, detail, cgroup_error; };

/* Their names, those of SPAWN_STAGES in base/spawn-stages.ts, are in sup_exports. */
enum { RESOLVE = 1, FORK, SESSION, OOM_SCORE, NICE, LIMITS, DESCRIPTORS, GROUPS, GID, UID, CHDIR, EXEC };

enum { MAX_DESCRIPTORS = 253 }; /* SCM_MAX_FD of the kernel */
enum { MEMORY = 0, REPORTS = 1, CGROUP = 2 }; /* indexes of the descriptors of a message */
enum { ENOENT = 2, EINTR = 4, EAGAIN = 11, ENOMEM = 12, EACCES = 13, EISDIR = 21, EMFILE = 24 };
enum { O_WRONLY = 1, O_RDWR = 2, O_NONBLOCK = 04000, O_CLOEXEC = 02000000, O_PATH = 010000000, F_DUPFD_CLOEXEC = 1030 };
#ifdef __aarch64__
enum { O_DIRECTORY = 040000 };
#else
enum { O_DIRECTORY = 0200000 };
#endif
enum { MSG_CMSG_CLOEXEC = 0x40000000, PROT_READ_WRITE = 3, MAP_PRIVATE = 2, MAP_PRIVATE_ANONYMOUS = 0x22, POLLIN = 1, PRIO_PROCESS = 0, X_OK = 1 };
#define AT_FDCWD (-100L)
#define CLONE_VM 0x100UL
#define CLONE_PARENT 0x8000UL
#define CLONE_CHILD_CLEARTID 0x200000UL
#define CLONE_INTO_CGROUP 0x200000000UL

enum { SLOTS = 16, STACK_BYTES = 8192 };

/* One child, up to exec. */
struct slot {
  char stack[STACK_BYTES];
  volatile int is_taken;           /* the kernel sets this to 0 when the child has called exec or has ended */
  char *request;                   /* the mapped memfd; 0: none */
  struct message message;
  struct { struct cmsghdr head; int fds[MAX_DESCRIPTORS + 1]; } control;
  struct report report;
  int reports;                     /* the descriptor */
  int moved[MAX_DESCRIPTORS + 1];
  char line[256];                  /* as much of a script as exec looks at */
};

/* From here to `set_up_and_exec` everything runs in the child. It must not change any memory outside of its slot. */

static void send_report(struct slot *s, int stage, int error, int detail) {
  s->report.stage = stage;
  s->report.error = error;
  s->report.detail = detail;
  if (call(NR_write, (long)s->reports, &s->report, sizeof s->report) < 0) call(NR_exit_group, 127L);
}

static void fail(struct slot *s, int stage, long result, int detail) {
  send_report(s, stage, (int)-result, detail);
  call(NR_exit_group, 127L);
}

static char *skip(char *string, int count) {
  while (count-- > 0) while (*string++) {}
  return string;
}

/* Returns what follows the strings. */
static char *list(char **vector, char *strings, int count) {
  int i;
  for (i = 0; i < count; i++) {
    vector[i] = strings;
    strings = skip(strings, 1);
  }
  vector[count] = 0;
  return strings;
}

/* 0 or -errno. The daemon's rights decide; exec checks those of the user. */
static long cannot_execute(const char *path) {
  long fd = call(NR_openat, AT_FDCWD, path, (long)(O_PATH | O_DIRECTORY | O_CLOEXEC), 0L);
  if (fd < 0) return call(NR_faccessat, AT_FDCWD, path, (long)X_OK);
  call(NR_close, fd);
  return -EISDIR;
}

/* The index of the file to execute, as execvp(3) finds it. Goes on after a file that is not executable. */
static int resolve(struct slot *s, struct request *r, char **candidates) {
  long worst = -ENOENT, error;
  int i;
  for (i = 0; i < r->candidate_count; i++) {
    error = cannot_execute(candidates[i]);
    if (error == 0) return i;
    if (error == -EACCES || !r->is_search) worst = error;
  }
  fail(s, RESOLVE, worst, 0);
  return -1;
}

static long put(const char *path, const char *text) {
  long fd = call(NR_openat, AT_FDCWD, path, (long)(O_WRONLY | O_CLOEXEC), 0L), result;
  if (fd < 0) return fd;
  result = call(NR_write, fd, text, (word)(skip((char *)text, 1) - text - 1));
  call(NR_close, fd);
  return result;
}

/* Everything that is received is close-on-exec. Sources inside the target range are first moved out of it; otherwise {3 -> 4, 4 -> 3}
   would lose one of them. */
static void place_descriptors(struct slot *s, struct request *r, int *fds) {
  long fd;
  int i;
  for (i = 0; i < r->fd_count; i++) {
    fd = fds[i] < 0 ? call(NR_openat, AT_FDCWD, "/dev/null", (long)(O_RDWR | O_CLOEXEC), 0L) : s->control.fds[fds[i]];
    if (fd >= 0 && fd < r->fd_count) fd = call(NR_fcntl, fd, (long)F_DUPFD_CLOEXEC, (long)r->fd_count);
    if (fd < 0) fail(s, DESCRIPTORS, fd, i);
    s->moved[i] = (int)fd;
  }
  if (s->reports < r->fd_count) {
    fd = call(NR_fcntl, (long)s->reports, (long)F_DUPFD_CLOEXEC, (long)r->fd_count);
    if (fd < 0) fail(s, DESCRIPTORS, fd, 0);
    s->reports = (int)fd;
  }
  for (i = 0; i < r->fd_count; i++) {
    fd = call(NR_dup3, (long)s->moved[i], (long)i, 0L); /* the copy is not close-on-exec */
    if (fd < 0) fail(s, DESCRIPTORS, fd, i);
  }
}

static void set_limits(struct slot *s, struct limit *limits, int count) {
  long error;
  int i;
  for (i = 0; i < count; i++) {
    error = call(NR_prlimit64, 0L, limits[i].id, &limits[i].soft, 0L);
    if (error < 0) fail(s, LIMITS, error, i);
  }
}

static void set_identity(struct slot *s, struct request *r) {
  long error;
  error = r->group_count < 0 ? 0 : call(NR_setgroups, (long)r->group_count, s->request + r->groups_at);
  if (error < 0) fail(s, GROUPS, error, 0);
  error = r->has_gid ? call(NR_setresgid, (word)(unsigned)r->gid, (word)(unsigned)r->gid, (word)(unsigned)r->gid) : 0;
  if (error < 0) fail(s, GID, error, 0);
  error = r->has_uid ? call(NR_setresuid, (word)(unsigned)r->uid, (word)(unsigned)r->uid, (word)(unsigned)r->uid) : 0;
  if (error < 0) fail(s, UID, error, 0);
}

static void write_pid(char *variable, int number) {
  char digits[12];
  int n = 0;
  while (*variable++ != '=') {}
  do digits[n++] = '0' + number % 10; while (number /= 10);
  while (n) *variable++ = digits[--n];
  *variable = 0;
}

/* When exec fails with ENOENT for an existing file, its #! interpreter or ELF loader is missing: the first line follows the report. */
static void exec_failed(struct slot *s, long error, char *path, int candidate) {
  long fd, length = 0;
  send_report(s, EXEC, (int)-error, candidate);
  if (error == -ENOENT && call(NR_faccessat, AT_FDCWD, path, 0L) == 0) {
    fd = call(NR_openat, AT_FDCWD, path, (long)(O_NONBLOCK | O_CLOEXEC), 0L);
    if (fd >= 0) length = call(NR_read, fd, s->line, sizeof s->line);
    call(NR_write, (long)s->reports, s->line, length > 0 ? length : 1L);
  }
  call(NR_exit_group, 127L);
}

/*
 * On a machine without an idle processor, a process that is woken waits until another one has used up its time slice, about 3 ms. One
 * with a shorter slice does not wait (EEVDF, Linux 6.12; older kernels ignore it). The server takes the shortest, so that a restart does
 * not wait for it. Its children begin with it and give it back, so the services have what the daemon has.
 */
struct sched_attr {
  unsigned size, policy;
  word flags;
  int nice;
  unsigned priority;
  word runtime, deadline, period;
  unsigned util_min, util_max;
};
enum { SCHED_OTHER = 0, SHORT_NS = 100000 };
static struct sched_attr usual; /* the size is 0 where the slice cannot be changed */

static void shorten_slice(void) {
  static struct sched_attr shorter;
  if (call(NR_sched_getattr, 0L, &shorter, sizeof shorter, 0L) < 0 || shorter.policy != SCHED_OTHER) return;
  call(NR_sched_getattr, 0L, &usual, sizeof usual, 0L);
  usual.runtime = 0; /* the default */
  shorter.runtime = SHORT_NS;
  if (call(NR_sched_setattr, 0L, &shorter, 0L) < 0) usual.size = 0;
}

static void set_up_and_exec(struct slot *s) {
  static word none;
  struct request *r = (struct request *)s->request;
  char *strings, *cwd, *oom_score_adj, **candidates, **arguments, **variables;
  long result;
  int chosen, i;
  call(NR_close, (long)CHANNEL); /* a child that hangs must not keep it open */
  s->report.pid = (int)call(NR_getpid);
  send_report(s, RESOLVE, 0, 0);

  candidates = (char **)(s->request + r->vectors_at);
  arguments = candidates + r->candidate_count + 1;
  variables = arguments + r->argument_count + 1;
  strings = list(candidates, s->request + r->strings_at, r->candidate_count);
  cwd = list(arguments, strings, r->argument_count);
  oom_score_adj = skip(cwd, r->has_cwd);
  list(variables, skip(oom_score_adj, r->has_oom_score_adj), r->variable_count);

  chosen = resolve(s, r, candidates);
  result = call(NR_setsid);
  if (result < 0) fail(s, SESSION, result, 0);
  result = r->has_oom_score_adj ? put("/proc/self/oom_score_adj", oom_score_adj) : 0;
  if (result < 0) fail(s, OOM_SCORE, result, 0);
  if (usual.size) call(NR_sched_setattr, 0L, &usual, 0L);
  result = r->has_nice ? call(NR_setpriority, (long)PRIO_PROCESS, 0L, (long)r->nice) : 0;
  if (result < 0) fail(s, NICE, result, 0);
  place_descriptors(s, r, (int *)(s->request + r->fds_at)); /* before the limits: a small RLIMIT_NOFILE would make dup3 fail */
  set_limits(s, (struct limit *)(s->request + r->limits_at), r->limit_count);
  if (r->umask >= 0) call(NR_umask, (long)r->umask);
  set_identity(s, r);
  if (r->has_cwd) { /* as the user: root may enter directories that the user may not */
    send_report(s, CHDIR, 0, 0);
    result = call(NR_chdir, cwd);
    if (result < 0) fail(s, CHDIR, result, 0);
  }
  for (i = 1; i <= r->pid_variable_count; i++) write_pid(variables[r->variable_count - i], s->report.pid);
  send_report(s, EXEC, 0, chosen);
  call(NR_sigprocmask, (long)SIG_SETMASK, &none, 0L, 8L);
  exec_failed(s, call(NR_execve, candidates[chosen], arguments, variables), candidates[chosen], chosen);
}

/*
 * clone_call(number, a, b, c, d, child): the system call clone or clone3 with a new stack, in machine code. Returns the pid or -errno in
 * the server; the child calls child(slot) with the slot that is at the top of its stack, and never returns.
 */
#ifdef __aarch64__
static const unsigned clone_call_code[] CODE = {
  0xaa0003e8,       /* mov x8, x0 */
  0xaa0103e0,       /* mov x0, x1 */
  0xaa0203e1,       /* mov x1, x2 */
  0xaa0303e2,       /* mov x2, x3 */
  0xaa0503e9,       /* mov x9, x5 */
  0xd2800003,       /* mov x3, #0    the child's tid is the fifth argument, in x4 */
  0xd4000001,       /* svc #0 */
  0xb4000040,       /* cbz x0, past the ret */
  0xd65f03c0,       /* ret */
  0xf94003e0,       /* ldr x0, [sp] */
  0xd61f0120,       /* br x9 */
};
#else
static const unsigned char clone_call_code[] CODE = {
  0x48, 0x89, 0xf8, /* mov rax, rdi */
  0x48, 0x89, 0xf7, /* mov rdi, rsi */
  0x48, 0x89, 0xd6, /* mov rsi, rdx */
  0x48, 0x89, 0xca, /* mov rdx, rcx */
  0x4d, 0x89, 0xc2, /* mov r10, r8   the child's tid is the fourth argument */
  0x45, 0x31, 0xc0, /* xor r8d, r8d */
  0x0f, 0x05,       /* syscall */
  0x48, 0x85, 0xc0, /* test rax, rax */
  0x74, 0x01,       /* jz past the ret */
  0xc3,             /* ret */
  0x5f,             /* pop rdi */
  0x41, 0xff, 0xe1, /* jmp r9 */
};
#endif
#define clone_call ((long (*)(long, word, word, word, word, void (*)(struct slot *)))clone_call_code)

/* struct clone_args of linux/sched.h. The kernel knows its version by its size. */
struct clone_args {
  word flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

/* Creates the child in its slot, or as a copy, where the result is 0. CLONE_INTO_CGROUP creates it in its cgroup: moving it there
   afterwards would wait for every processor of the machine, 7 to 20 ms. With CLONE_PARENT the child's exit signal is that of the server. */
static long clone_child(struct slot *s, int is_shared) {
  static struct clone_args args;
  word flags = CLONE_PARENT | (is_shared ? CLONE_VM | CLONE_CHILD_CLEARTID : 0);
  word top = (word)s->stack + STACK_BYTES - 16;
  long pid;
  *(struct slot **)top = s;
  s->is_taken = is_shared;
  s->report.pid = s->report.cgroup_error = 0;
  if (s->message.has_cgroup) {
    args.flags = flags | CLONE_INTO_CGROUP;
    args.cgroup = (word)s->control.fds[CGROUP];
    args.child_tid = is_shared ? (word)&s->is_taken : 0;
    args.stack = is_shared ? (word)s->stack : 0;
    args.stack_size = is_shared ? top - (word)s->stack : 0;
    pid = is_shared ? clone_call(NR_clone3, (word)&args, sizeof args, 0, 0, set_up_and_exec) : call(NR_clone3, &args, sizeof args);
    if (pid >= 0 || pid == -EAGAIN || pid == -ENOMEM) return pid;
    s->report.cgroup_error = (int)-pid;
  }
  return is_shared ? clone_call(NR_clone, flags | SIGCHLD, top, 0, (word)&s->is_taken, set_up_and_exec)
                   : call(NR_clone, flags | SIGCHLD, 0L, 0L, 0L, 0L);
}

/* Receives a request. Returns the length of the message; 0 when the daemon is gone. */
static long receive(struct slot *s, int *arrived) {
  static struct iovec part;
  static struct msghdr header;
  long got;
  part.base = &s->message;
  part.length = sizeof s->message;
  header.parts = &part;
  header.count = 1;
  header.control = &s->control;
  header.control_length = sizeof s->control;
  s->control.head.length = 0;
  got = call(NR_recvmsg, (long)CHANNEL, &header, (long)MSG_CMSG_CLOEXEC);
  *arrived = header.control_length > 0 && s->control.head.length > sizeof s->control.head
    ? (int)((s->control.head.length - sizeof s->control.head) / sizeof(int)) : 0;
  return got;
}

static void unmap_request(struct slot *s) {
  if (s->request) call(NR_munmap, s->request, (long)s->message.size_bytes);
  s->request = 0;
}

/* Maps the request and creates the child. Returns its pid, or -errno; 0 in a child with a copy of the memory. */
static long start(struct slot *s, int arrived, int is_shared) {
  long result;
  if (arrived < s->message.descriptor_count) return -EMFILE;
  result = call(NR_mmap, 0L, (long)s->message.size_bytes, (long)PROT_READ_WRITE, (long)MAP_PRIVATE, (long)s->control.fds[MEMORY], 0L);
  if (result < 0 && result > -4096) return result;
  s->request = (char *)result;
  result = clone_child(s, is_shared);
  if (result < 0) s->is_taken = 0;
  return result;
}

/* Unmaps the requests of children that have called exec, and waits for the next request. Returns a free slot; the last one is for
   children with a copy of the memory. */
static struct slot *next_slot(struct slot *slots) {
  static struct { long seconds, nanoseconds; } patience;
  static struct pollfd polled;
  int i, taken;
  do {
    for (i = taken = 0; i <= SLOTS; i++) {
      if (slots[i].is_taken) taken++;
      else unmap_request(&slots[i]);
    }
    patience.seconds = 1;
    polled.fd = CHANNEL;
    polled.events = POLLIN;
  } while (taken && call(NR_ppoll, &polled, 1L, &patience, 0L, 8L) == 0);
  for (i = 0; slots[i].is_taken; i++) {} /* the last one never is */
  unmap_request(&slots[i]);
  return &slots[i];
}

static void serve(void) {
  struct slot *slots, *s;
  long got, pid;
  int arrived;
  slots = (struct slot *)call(NR_mmap, 0L, (SLOTS + 1) * sizeof(struct slot), (long)PROT_READ_WRITE, (long)MAP_PRIVATE_ANONYMOUS, -1L, 0L);
  if ((long)slots < 0 && (long)slots > -4096) call(NR_exit_group, 1L);
  shorten_slice();
  for (;;) {
    s = next_slot(slots);
    got = receive(s, &arrived);
    if (got == -EINTR) continue;
    if (got <= 0) call(NR_exit_group, 0L);
    s->reports = arrived > REPORTS ? s->control.fds[REPORTS] : -1;
    pid = start(s, arrived, s != &slots[SLOTS] && !s->message.own_memory);
    if (pid == 0) set_up_and_exec(s);
    if (pid < 0 && s->reports >= 0) {
      s->report.pid = 0;
      s->report.stage = FORK;
      s->report.error = (int)-pid;
      call(NR_write, (long)s->reports, &s->report, sizeof s->report);
    }
    close_from(CHANNEL + 1);
  }
}

/* A new field or stage needs an entry here. */
#define STAGE(name, number) {"stage " name, number, 0}

const struct exported *sup_exports(void) {
  static const struct exported table[] = {
    BARE_EXPORTS,
    SIZE(message), FIELD(message, size_bytes), FIELD(message, has_cgroup), FIELD(message, descriptor_count),
    FIELD(message, own_memory),
    SIZE(request), FIELD(request, candidate_count), FIELD(request, is_search), FIELD(request, argument_count),
    FIELD(request, has_cwd), FIELD(request, has_oom_score_adj), FIELD(request, variable_count),
    FIELD(request, pid_variable_count), FIELD(request, strings_at), FIELD(request, vectors_at), FIELD(request, limits_at),
    FIELD(request, limit_count), FIELD(request, groups_at), FIELD(request, group_count), FIELD(request, fds_at),
    FIELD(request, fd_count), FIELD(request, umask), FIELD(request, has_nice), FIELD(request, nice), FIELD(request, has_gid),
    FIELD(request, gid), FIELD(request, has_uid), FIELD(request, uid),
    SIZE(limit), FIELD(limit, id), FIELD(limit, soft), FIELD(limit, hard),
    SIZE(report), FIELD(report, pid), FIELD(report, stage), FIELD(report, error), FIELD(report, detail), FIELD(report, cgroup_error),
    CONSTANT(MAX_DESCRIPTORS),
    STAGE("resolve", RESOLVE), STAGE("fork", FORK), STAGE("session", SESSION), STAGE("oom-score", OOM_SCORE), STAGE("nice", NICE),
    STAGE("limits", LIMITS), STAGE("descriptors", DESCRIPTORS), STAGE("groups", GROUPS), STAGE("gid", GID), STAGE("uid", UID),
    STAGE("chdir", CHDIR), STAGE("exec", EXEC),
    {0, 0, 0},
  };
  return table;
}
