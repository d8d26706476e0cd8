/*
 * A bare process: a fork of the daemon that never calls exec. It unmaps nearly all memory, because otherwise it would keep the
 * daemon's memory alive. Then it runs only the code of the file that follows this one. There is no heap, no thread, no lock and no
 * libc. Local structs must not have initialisers, because the compiler would call memset. libc's `syscall` cannot be used either:
 * musl's reads the stack canary, which may lie in the program's unmapped data.
 *
 * bare-process.ts puts this text before that of keeper.c or spawn-server.c. Each of them defines `serve`, which runs until the
 * process ends. All signals are then blocked, and at least the two descriptors CHANNEL and WATCH are open.
 */

typedef unsigned long word;

/* bare-process.ts takes the offsets from the table of exports. */
struct bare {
  const word *kept;                /* the memory to keep: pairs [from, to) in rising order; ends with 0 */
  char *title;                     /* the memory of the program's arguments and environment: what ps shows */
  word title_room;
  const char *name;
  int channel;                     /* a SOCK_SEQPACKET socket, becomes CHANNEL */
  int watch;                       /* becomes WATCH; -1 if there is none */
};

enum { CHANNEL = 0, WATCH = 1 };

#ifdef __aarch64__
enum { NR_clone = 220, NR_munmap = 215, NR_mmap = 222, NR_ppoll = 73, NR_recvmsg = 212, NR_dup3 = 24, NR_close = 57, NR_setsid = 157,
       NR_prctl = 167, NR_chdir = 49, NR_exit_group = 94, NR_sigaction = 134, NR_sigprocmask = 135, NR_read = 63, NR_write = 64,
       NR_openat = 56, NR_faccessat = 48, NR_fcntl = 25, NR_getpid = 172, NR_umask = 166, NR_setpriority = 140, NR_prlimit64 = 261,
       NR_setgroups = 159, NR_setresgid = 149, NR_setresuid = 147, NR_execve = 221, NR_sched_setattr = 274, NR_sched_getattr = 275,
       NR_ioctl = 29 };
#else
enum { NR_clone = 56, NR_munmap = 11, NR_mmap = 9, NR_ppoll = 271, NR_recvmsg = 47, NR_dup3 = 292, NR_close = 3, NR_setsid = 112,
       NR_prctl = 157, NR_chdir = 80, NR_exit_group = 231, NR_sigaction = 13, NR_sigprocmask = 14, NR_read = 0, NR_write = 1,
       NR_openat = 257, NR_faccessat = 269, NR_fcntl = 72, NR_getpid = 39, NR_umask = 95, NR_setpriority = 141, NR_prlimit64 = 302,
       NR_setgroups = 116, NR_setresgid = 119, NR_setresuid = 117, NR_execve = 59, NR_sched_setattr = 314, NR_sched_getattr = 315,
       NR_ioctl = 16 };
#endif
enum { NR_clone3 = 435, NR_close_range = 436 };
enum { SIGCHLD = 17, SIG_SETMASK = 2, LAST_SIGNAL = 64, PR_SET_NAME = 15 };
enum { MAX_KEPT = 32, MAX_DESCRIPTOR = 1 << 20 };

/* call(number, up to six arguments): a system call in machine code. Returns the result or -errno. Arguments must be of type long or
   pointers: the callee reads whole registers. */
#define CODE __attribute__((section(".text")))
#ifdef __aarch64__
static const unsigned call_code[] CODE = {
  0xaa0003e8,       /* mov x8, x0 */
  0xaa0103e0,       /* mov x0, x1 */
  0xaa0203e1,       /* mov x1, x2 */
  0xaa0303e2,       /* mov x2, x3 */
  0xaa0403e3,       /* mov x3, x4 */
  0xaa0503e4,       /* mov x4, x5 */
  0xaa0603e5,       /* mov x5, x6 */
  0xd4000001,       /* svc #0 */
  0xd65f03c0,       /* ret */
};
#else
static const unsigned char call_code[] CODE = {
  0x48, 0x89, 0xf8,             /* mov rax, rdi */
  0x48, 0x89, 0xf7,             /* mov rdi, rsi */
  0x48, 0x89, 0xd6,             /* mov rsi, rdx */
  0x48, 0x89, 0xca,             /* mov rdx, rcx */
  0x4d, 0x89, 0xc2,             /* mov r10, r8 */
  0x4d, 0x89, 0xc8,             /* mov r8, r9 */
  0x4c, 0x8b, 0x4c, 0x24, 0x08, /* mov r9, [rsp + 8] */
  0x0f, 0x05,                   /* syscall */
  0xc3,                         /* ret */
};
#endif
#define call ((long (*)(long, ...))call_code)

int *__errno_location(void);

struct iovec { void *base; word length; };
struct msghdr {
  void *name; unsigned name_length;
  struct iovec *parts; word count;
  void *control; word control_length;
  int flags;
};
struct cmsghdr { word length; int level, type; };
struct pollfd { int fd; short events, happened; };

static void serve(void);

static word kept[2 * MAX_KEPT + 2];

static void unmap_memory(void) {
  word from = 65536;
  int i;
  for (i = 0; kept[i]; i += 2) {
    if (kept[i] > from) call(NR_munmap, from, kept[i] - from);
    from = kept[i + 1];
  }
}

static void close_from(int first) {
  int fd;
  if (call(NR_close_range, (long)first, 0xffffffffL, 0L) >= 0) return;
  for (fd = first; fd < MAX_DESCRIPTOR; fd++) call(NR_close, (long)fd); /* Linux before 5.9 */
}

/* Runs in the child. Never returns. */
static void become_bare(struct bare *b) {
  static word action[4]; /* struct kernel_sigaction: SIG_DFL, no flags, no mask */
  word i;
  int signal;
  /* Closing descriptors comes first: a copy of the daemon's lock must not outlive the daemon. Both sources are above 1, so neither
     dup3 overwrites the other's source. */
  call(NR_dup3, (long)b->channel, (long)CHANNEL, 0L);
  if (b->watch >= 0) call(NR_dup3, (long)b->watch, (long)WATCH, 0L);
  close_from(b->watch >= 0 ? WATCH + 1 : CHANNEL + 1);
  for (signal = 1; signal <= LAST_SIGNAL; signal++) call(NR_sigaction, (long)signal, action, 0L, 8L);
  call(NR_setsid);
  call(NR_prctl, (long)PR_SET_NAME, b->name, 0L, 0L, 0L);
  for (i = 0; i < b->title_room; i++) b->title[i] = 0;
  for (i = 0; b->name[i] && i + 1 < b->title_room; i++) b->title[i] = b->name[i];
  unmap_memory();
  serve();
}

/* Returns the pid, or -errno. */
int sup_bare(struct bare *b) {
  word all = ~0UL, before;
  long pid;
  int i;
  for (i = 0; b->kept[i] && i < 2 * MAX_KEPT; i++) kept[i] = b->kept[i];
  kept[i] = 0;
  call(NR_sigprocmask, (long)SIG_SETMASK, &all, &before, 8L);
  pid = call(NR_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
  if (pid == 0) become_bare(b);
  call(NR_sigprocmask, (long)SIG_SETMASK, &before, 0L, 8L);
  return (int)pid;
}

/* Writes three addresses in memory that the process needs: in its code, in its data, and in the data of the thread. */
int sup_bare_addresses(word *to) {
  to[0] = (word)sup_bare;
  to[1] = (word)kept;
  to[2] = (word)__errno_location();
  return 0;
}

/* For the table of exports, which TypeScript reads by name (ffi/c-exports.ts). */
struct exported { const char *name; word value, size; };
#define FIELD(type, field) {#type "." #field, (word)&((struct type *)0)->field, sizeof ((struct type *)0)->field}
#define SIZE(type) {#type, sizeof(struct type), 0}
#define CONSTANT(name) {#name, name, 0}
#define BARE_EXPORTS \
  SIZE(bare), FIELD(bare, kept), FIELD(bare, title), FIELD(bare, title_room), FIELD(bare, name), FIELD(bare, channel), \
  FIELD(bare, watch), \
  SIZE(msghdr), FIELD(msghdr, parts), FIELD(msghdr, count), FIELD(msghdr, control), FIELD(msghdr, control_length), \
  FIELD(msghdr, flags), SIZE(cmsghdr), FIELD(cmsghdr, length), FIELD(cmsghdr, level), FIELD(cmsghdr, type)
