/*
 * The spawn server is a bare process (bare-process.c) that creates the processes of services, so that the daemon never waits for one.
 *
 * The server clones with CLONE_PARENT, so that the new process is a child of the daemon. The child sets itself up and calls exec, and
 * the server does not wait for that. A child may hang, for example because its working directory is on a file system that does not
 * respond, or because its user suspends it. Such a child delays neither the server nor the daemon.
 *
 * A request is one message with descriptors (SCM_RIGHTS): the write end of a pipe, the directory of the child's cgroup if there is one,
 * the descriptors that become 0, 1, 2 and so on in the child, and a memfd if the struct request does not fit into the message. The child reports its steps in
 * the pipe, which exec closes. When the pipe is closed, the daemon knows from the last report what happened:
 *   - a report with an error means that the start failed at this step,
 *   - a report without an error means that exec has succeeded (or that the child was killed, which its exit status says),
 *   - no report means that the server was killed before it received the request, so that there is no process.
 * If a child cannot send a report, the daemon has given up the start or is dead, and the child exits. Therefore no child executes a
 * program that the next daemon executes again.
 *
 * The child shares the server's memory until exec (CLONE_VM), because sharing takes half the time of a copy. Therefore each child has
 * a slot with its own stack and data. The kernel marks the slot as free when the child has called exec or has ended. When children
 * that hang occupy all slots, further children get a copy of the memory.
 */

/* spawn-server.ts reads the offsets of these structs from sup_exports. Integers have 4 bytes. Fields `…_at` are offsets in the request. */
struct message {
  int size_bytes;                  /* of the request */
  int has_memory;                  /* the request is in a memfd; otherwise it follows this struct in the message */
  int has_cgroup, descriptor_count;
  int own_memory;                  /* the child needs a copy of the memory: processes that share memory also share oom_score_adj */
};

struct request {
  int candidate_count;             /* files to try; the first that can be executed is executed */
  int is_search;                   /* the files come from PATH, so that only EACCES is reported instead of "not found" */
  int argument_count;
  int has_cwd;
  int has_oom_score_adj;
  int variable_count;
  int pid_variable_count;          /* number of the last variables (LISTEN_PID, WATCHDOG_PID) into which the child writes its pid */
  int strings_at;                  /* candidates, arguments, cwd, oom_score_adj, variables NAME=VALUE; each string ends with 0 */
  int vectors_at;                  /* space for a pointer to each string, and three more */
  int limits_at, limit_count;
  int groups_at, group_count;      /* a count of -1 means that the groups do not change */
  int fds_at, fd_count;            /* descriptor i of the child is descriptor fds[i] of the message; -1 means /dev/null */
  int umask;
  int has_nice, nice;
  int has_gid, gid;
  int has_uid, uid;
  int has_terminal;                /* descriptor 0 becomes the controlling terminal */
};

struct limit { word id, soft, hard; };

/*
 * `detail` is the index of the candidate, limit or descriptor. `cgroup_error` is the errno that says why the child is not in its cgroup.
 * It is 0 if the child is in its cgroup or has none.
 */
struct report { int pid, stage, error, detail, cgroup_error; };

/* The stages of a start. Their names are in sup_exports, and are the same as in SPAWN_STAGES (base/spawn-stages.ts). */
enum { RESOLVE = 1, FORK, SESSION, OOM_SCORE, NICE, LIMITS, DESCRIPTORS, GROUPS, GID, UID, CHDIR, EXEC };

enum { MAX_DESCRIPTORS = 253 }; /* SCM_MAX_FD of the kernel */
enum { REPORTS = 0, CGROUP = 1 };  /* indexes of the descriptors of a message; the memfd is the last one */
enum { MAX_INLINE_BYTES = 8192 };  /* size of the largest request that follows the message without a memfd */
enum { ENOENT = 2, EINTR = 4, EAGAIN = 11, ENOMEM = 12, EACCES = 13, EISDIR = 21, EMFILE = 24 };
enum { O_WRONLY = 1, O_RDWR = 2, O_NONBLOCK = 04000, O_CLOEXEC = 02000000, O_PATH = 010000000, F_DUPFD_CLOEXEC = 1030 };
#ifdef __aarch64__
enum { O_DIRECTORY = 040000 };
#else
enum { O_DIRECTORY = 0200000 };
#endif
enum { MSG_CMSG_CLOEXEC = 0x40000000, PROT_READ_WRITE = 3, MAP_PRIVATE = 2, MAP_PRIVATE_ANONYMOUS = 0x22, POLLIN = 1, PRIO_PROCESS = 0, X_OK = 1, TIOCSCTTY = 0x540e };
#define AT_FDCWD (-100L)
#define CLONE_VM 0x100UL
#define CLONE_PARENT 0x8000UL
#define CLONE_CHILD_CLEARTID 0x200000UL
#define CLONE_INTO_CGROUP 0x200000000UL

enum { SLOTS = 16, STACK_BYTES = 8192 };

/* The stack and the data of one child until exec. */
struct slot {
  char stack[STACK_BYTES];
  volatile int is_taken;           /* the kernel sets this to 0 when the child has called exec or has ended */
  char *request;                   /* the mapped memfd, `inlined`, or 0 */
  struct message message;
  word inlined[MAX_INLINE_BYTES / sizeof(word)];
  struct { struct cmsghdr head; int fds[MAX_DESCRIPTORS + 1]; } control;
  struct report report;
  int reports;                     /* the write end of the pipe for reports */
  int moved[MAX_DESCRIPTORS + 1];
  char line[256];                  /* the beginning of a script, as far as exec reads it */
};

/* All functions from here to `set_up_and_exec` run in the child. The child must not change any memory outside of its slot. */

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

/* Fills the vector with pointers to `count` strings. Returns the address after the strings. */
static char *list(char **vector, char *strings, int count) {
  int i;
  for (i = 0; i < count; i++) {
    vector[i] = strings;
    strings = skip(strings, 1);
  }
  vector[count] = 0;
  return strings;
}

/* Returns 0 if the file can be executed, or -errno. Checks the rights of the daemon; exec checks those of the user. */
static long cannot_execute(const char *path) {
  long fd = call(NR_openat, AT_FDCWD, path, (long)(O_PATH | O_DIRECTORY | O_CLOEXEC), 0L);
  if (fd < 0) return call(NR_faccessat, AT_FDCWD, path, (long)X_OK);
  call(NR_close, fd);
  return -EISDIR;
}

/* Searches as execvp(3) does, and returns the index of the file to execute. Continues after a file that is not executable. */
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

/*
 * Moves the descriptors to their numbers in the child. All received descriptors are close-on-exec. Descriptors with a number in the
 * target range are first moved out of it. Otherwise {3 -> 4, 4 -> 3} would lose one of them.
 */
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

/*
 * Reports a failed exec. If exec fails with ENOENT although the file exists, its #! interpreter or its ELF loader is missing. Then the
 * first line of the file follows the report.
 */
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
 * On a machine without an idle processor, a process that wakes up waits until another process has used up its time slice, about 3 ms.
 * A process with a shorter slice does not wait (EEVDF, Linux 6.12; older kernels ignore the slice). The server uses the shortest slice,
 * so that a restart does not wait for the server. Its children inherit the short slice and reset it before exec, so that services have
 * the same slice as the daemon.
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
static struct sched_attr usual; /* its size is 0 if the slice cannot be changed */

static void shorten_slice(void) {
  static struct sched_attr shorter;
  if (call(NR_sched_getattr, 0L, &shorter, sizeof shorter, 0L) < 0 || shorter.policy != SCHED_OTHER) return;
  call(NR_sched_getattr, 0L, &usual, sizeof usual, 0L);
  usual.runtime = 0; /* 0 is the default slice */
  shorter.runtime = SHORT_NS;
  if (call(NR_sched_setattr, 0L, &shorter, 0L) < 0) usual.size = 0;
}

static void set_up_and_exec(struct slot *s) {
  static word none;
  struct request *r = (struct request *)s->request;
  char *strings, *cwd, *oom_score_adj, **candidates, **arguments, **variables;
  long result;
  int chosen, i;
  call(NR_close, (long)CHANNEL); /* a child that hangs must not keep the channel open */
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
  result = r->has_terminal ? call(NR_ioctl, 0L, (long)TIOCSCTTY, 0L) : 0;
  if (result < 0) fail(s, SESSION, result, 0);
  set_limits(s, (struct limit *)(s->request + r->limits_at), r->limit_count);
  if (r->umask >= 0) call(NR_umask, (long)r->umask);
  set_identity(s, r);
  if (r->has_cwd) { /* chdir happens as the user, because root may enter directories that the user may not enter */
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
 * clone_call(number, a, b, c, d, child) is the system call clone or clone3 with a new stack, in machine code. In the server it returns
 * the pid or -errno. The child calls child(slot), with the slot whose address is at the top of its stack, and never returns.
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

/* This is struct clone_args of linux/sched.h. The kernel infers the version of the struct from its size. */
struct clone_args {
  word flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

/*
 * Creates the child, which runs in its slot or in a copy of the memory. Returns the pid or -errno, and 0 in a child with a copy.
 * CLONE_INTO_CGROUP creates the child in its cgroup. To move it there afterwards would take 7 to 20 ms, because the kernel then waits for
 * every processor of the machine. With CLONE_PARENT the child has the same exit signal as the server.
 */
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

/* Receives a request. Returns the length of the message, 0 if the daemon has died, or -errno. */
static long receive(struct slot *s, int *arrived) {
  static struct iovec parts[2];
  static struct msghdr header;
  long got;
  parts[0].base = &s->message;
  parts[0].length = sizeof s->message;
  parts[1].base = s->inlined;
  parts[1].length = sizeof s->inlined;
  header.parts = parts;
  header.count = 2;
  header.control = &s->control;
  header.control_length = sizeof s->control;
  s->control.head.length = 0;
  got = call(NR_recvmsg, (long)CHANNEL, &header, (long)MSG_CMSG_CLOEXEC);
  *arrived = header.control_length > 0 && s->control.head.length > sizeof s->control.head
    ? (int)((s->control.head.length - sizeof s->control.head) / sizeof(int)) : 0;
  return got;
}

/* Removes the request from the memory of the server, because its variables may hold secrets. */
static void drop_request(struct slot *s) {
  int i;
  if (s->request && s->message.has_memory) call(NR_munmap, s->request, (long)s->message.size_bytes);
  else if (s->request) for (i = 0; i < MAX_INLINE_BYTES / (int)sizeof(word); i++) s->inlined[i] = 0;
  s->request = 0;
}

/* Maps the request if it is in a memfd, and creates the child. Returns the pid or -errno, and 0 in a child with a copy of the memory. */
static long start(struct slot *s, int arrived, int is_shared) {
  long result;
  if (arrived < s->message.descriptor_count) return -EMFILE;
  result = !s->message.has_memory ? (long)s->inlined : call(NR_mmap, 0L, (long)s->message.size_bytes, (long)PROT_READ_WRITE, (long)MAP_PRIVATE, (long)s->control.fds[s->message.descriptor_count - 1], 0L);
  if (result < 0 && result > -4096) return result;
  s->request = (char *)result;
  result = clone_child(s, is_shared);
  if (result < 0) s->is_taken = 0;
  return result;
}

/*
 * Drops the requests of children that have called exec, and waits for the next request. Returns a free slot. The last slot is for
 * children with a copy of the memory.
 */
static struct slot *next_slot(struct slot *slots) {
  static struct { long seconds, nanoseconds; } patience;
  static struct pollfd polled;
  int i, taken;
  do {
    for (i = taken = 0; i <= SLOTS; i++) {
      if (slots[i].is_taken) taken++;
      else drop_request(&slots[i]);
    }
    patience.seconds = 1;
    polled.fd = CHANNEL;
    polled.events = POLLIN;
  } while (taken && call(NR_ppoll, &polled, 1L, &patience, 0L, 8L) == 0);
  for (i = 0; slots[i].is_taken; i++) {} /* the last slot is never taken */
  drop_request(&slots[i]);
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

/* Every new field or stage needs an entry in the table of sup_exports. */
#define STAGE(name, number) {"stage " name, number, 0}

const struct exported *sup_exports(void) {
  static const struct exported table[] = {
    BARE_EXPORTS,
    SIZE(message), FIELD(message, size_bytes), FIELD(message, has_memory), FIELD(message, has_cgroup),
    FIELD(message, descriptor_count), FIELD(message, own_memory),
    SIZE(request), FIELD(request, candidate_count), FIELD(request, is_search), FIELD(request, argument_count),
    FIELD(request, has_cwd), FIELD(request, has_oom_score_adj), FIELD(request, variable_count),
    FIELD(request, pid_variable_count), FIELD(request, strings_at), FIELD(request, vectors_at), FIELD(request, limits_at),
    FIELD(request, limit_count), FIELD(request, groups_at), FIELD(request, group_count), FIELD(request, fds_at),
    FIELD(request, fd_count), FIELD(request, umask), FIELD(request, has_nice), FIELD(request, nice), FIELD(request, has_gid),
    FIELD(request, gid), FIELD(request, has_uid), FIELD(request, uid), FIELD(request, has_terminal),
    SIZE(limit), FIELD(limit, id), FIELD(limit, soft), FIELD(limit, hard),
    SIZE(report), FIELD(report, pid), FIELD(report, stage), FIELD(report, error), FIELD(report, detail), FIELD(report, cgroup_error),
    CONSTANT(MAX_DESCRIPTORS), CONSTANT(MAX_INLINE_BYTES),
    STAGE("resolve", RESOLVE), STAGE("fork", FORK), STAGE("session", SESSION), STAGE("oom-score", OOM_SCORE), STAGE("nice", NICE),
    STAGE("limits", LIMITS), STAGE("descriptors", DESCRIPTORS), STAGE("groups", GROUPS), STAGE("gid", GID), STAGE("uid", UID),
    STAGE("chdir", CHDIR), STAGE("exec", EXEC),
    {0, 0, 0},
  };
  return table;
}
