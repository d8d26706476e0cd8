/*
 * sup_keeper starts the keeper: a process that holds descriptors, so that what they refer to outlives the daemon. Examples are
 * unread output in a pipe whose writer has ended, the exit status of a process, and pending connections of a socket.
 *
 * The keeper is a fork of the daemon that never calls exec: it unmaps nearly all memory and waits. From then on only the code
 * in this file exists. There is no heap, no thread, no lock and no libc. Local structs must not have initialisers, because the
 * compiler would call memset. libc's `syscall` cannot be used either: musl's reads the stack canary, which may lie in the
 * program's unmapped data.
 *
 * The keeper receives commands over a socket: keep a descriptor, or drop one. When the socket is closed, the daemon is gone.
 * The keeper then holds its descriptors until the next daemon ends it, or until its file in the runtime directory is removed,
 * which means that no daemon will come.
 */

typedef unsigned long word;

/* keeper.ts takes the offsets from sup_exports below. */
struct keeper {
  const word *kept;                /* the memory to keep: pairs [from, to) in rising order; ends with 0 */
  char *title;                     /* the memory of the program's arguments and environment: what ps shows */
  word title_room;
  const char *name;
  int channel;                     /* a SOCK_SEQPACKET socket for commands */
  int watch;                       /* an inotify descriptor: readable when the keeper's file is removed */
};

enum { KEEP = 1, DROP = 0 };
struct command { int action, slot; };

#ifdef __aarch64__
enum { NR_clone = 220, NR_munmap = 215, NR_ppoll = 73, NR_recvmsg = 212, NR_dup3 = 24, NR_close = 57, NR_setsid = 157,
       NR_prctl = 167, NR_chdir = 49, NR_exit_group = 94, NR_sigaction = 134, NR_sigprocmask = 135 };
#else
enum { NR_clone = 56, NR_munmap = 11, NR_ppoll = 271, NR_recvmsg = 47, NR_dup3 = 292, NR_close = 3, NR_setsid = 112,
       NR_prctl = 157, NR_chdir = 80, NR_exit_group = 231, NR_sigaction = 13, NR_sigprocmask = 14 };
#endif
enum { NR_close_range = 436 };
enum { SIGCHLD = 17, SIG_SETMASK = 2, LAST_SIGNAL = 64, POLLIN = 1 };
enum { PR_SET_NAME = 15, PR_SET_PTRACER = 0x59616d61 };
/* Received descriptors take the lowest free numbers, at most 64, and are then moved to their slots. */
enum { CHANNEL = 3, WATCH = 4, FIRST_SLOT = 128, MAX_COMMANDS = 64 };
enum { MAX_KEPT = 32 };

/* call(number, up to five arguments): a system call in machine code. Returns the result or -errno. */
#define CODE __attribute__((section(".text")))
#ifdef __aarch64__
static const unsigned call_code[] CODE = {
  0xaa0003e8,       /* mov x8, x0 */
  0xaa0103e0,       /* mov x0, x1 */
  0xaa0203e1,       /* mov x1, x2 */
  0xaa0303e2,       /* mov x2, x3 */
  0xaa0403e3,       /* mov x3, x4 */
  0xaa0503e4,       /* mov x4, x5 */
  0xd4000001,       /* svc #0 */
  0xd65f03c0,       /* ret */
};
#else
static const unsigned char call_code[] CODE = {
  0x48, 0x89, 0xf8, /* mov rax, rdi */
  0x48, 0x89, 0xf7, /* mov rdi, rsi */
  0x48, 0x89, 0xd6, /* mov rsi, rdx */
  0x48, 0x89, 0xca, /* mov rdx, rcx */
  0x4d, 0x89, 0xc2, /* mov r10, r8 */
  0x4d, 0x89, 0xc8, /* mov r8, r9 */
  0x0f, 0x05,       /* syscall */
  0xc3,             /* ret */
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

static word kept[2 * MAX_KEPT + 2];

static void unmap_memory(void) {
  word from = 65536;
  int i;
  for (i = 0; kept[i]; i += 2) {
    if (kept[i] > from) call(NR_munmap, from, kept[i] - from);
    from = kept[i + 1];
  }
}

/* Receives one message and carries out its commands. Returns its length in bytes; 0 when the daemon is gone. */
static long receive_commands(int channel) {
  static struct command commands[MAX_COMMANDS];
  static struct { struct cmsghdr head; int fds[MAX_COMMANDS]; } control;
  static struct iovec part;
  static struct msghdr message;
  long got;
  int i, taken = 0, arrived;
  part.base = commands;
  part.length = sizeof commands;
  message.parts = &part;
  message.count = 1;
  message.control = &control;
  message.control_length = sizeof control;
  control.head.length = 0;
  got = call(NR_recvmsg, (long)channel, &message, 0L);
  arrived = control.head.length > sizeof control.head ? (control.head.length - sizeof control.head) / sizeof(int) : 0;
  if (message.control_length == 0) arrived = 0;
  for (i = 0; i < got / (long)sizeof(struct command); i++) {
    if (commands[i].slot < FIRST_SLOT) continue;
    if (commands[i].action == DROP) call(NR_close, (long)commands[i].slot);
    else if (taken < arrived) call(NR_dup3, (long)control.fds[taken++], (long)commands[i].slot, 0L);
  }
  for (i = 0; i < arrived; i++) call(NR_close, (long)control.fds[i]);
  return got;
}

static void serve(void) {
  static struct pollfd polled[2];
  polled[0].fd = WATCH;
  polled[1].fd = CHANNEL;
  polled[0].events = polled[1].events = POLLIN;
  for (;;) {
    if (call(NR_ppoll, polled, 2L, 0L, 0L, 8L) < 0) continue;
    if (polled[0].happened) call(NR_exit_group, 0L);
    if (polled[1].happened && receive_commands(CHANNEL) == 0) polled[1].fd = -1; /* the daemon is gone */
  }
}

/* Runs in the child. Never returns. */
static void keeper_main(struct keeper *k) {
  static word action[4], none; /* struct kernel_sigaction: SIG_DFL, no flags, no mask */
  word i;
  int signal;
  /* Closing descriptors comes first: a copy of the daemon's lock must not outlive the daemon. Both sources are above 64, so
     neither dup3 overwrites the other's source. */
  call(NR_dup3, (long)k->channel, (long)CHANNEL, 0L);
  call(NR_dup3, (long)k->watch, (long)WATCH, 0L);
  call(NR_close_range, (long)WATCH + 1, 0xffffffffL, 0L);
  call(NR_close_range, 0L, (long)CHANNEL - 1, 0L);
  for (signal = 1; signal <= LAST_SIGNAL; signal++) call(NR_sigaction, (long)signal, action, 0L, 8L);
  call(NR_sigprocmask, (long)SIG_SETMASK, &none, 0L, 8L);
  call(NR_setsid);
  call(NR_chdir, "/");
  call(NR_prctl, (long)PR_SET_NAME, k->name, 0L, 0L, 0L);
  call(NR_prctl, (long)PR_SET_PTRACER, -1L, 0L, 0L, 0L); /* Yama: allows the next daemon to copy descriptors */
  for (i = 0; i < k->title_room; i++) k->title[i] = 0;
  for (i = 0; k->name[i] && i + 1 < k->title_room; i++) k->title[i] = k->name[i];
  unmap_memory();
  serve();
}

/* Returns the pid, or -errno. */
int sup_keeper(struct keeper *k) {
  word all = ~0UL, before;
  long pid;
  int i;
  for (i = 0; k->kept[i] && i < 2 * MAX_KEPT; i++) kept[i] = k->kept[i];
  kept[i] = 0;
  call(NR_sigprocmask, (long)SIG_SETMASK, &all, &before, 8L);
  pid = call(NR_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
  if (pid == 0) keeper_main(k);
  call(NR_sigprocmask, (long)SIG_SETMASK, &before, 0L, 8L);
  return (int)pid;
}

/* Writes three addresses in memory that the keeper needs: in its code, in its data, and in the data of the thread. */
int sup_keeper_addresses(word *to) {
  to[0] = (word)sup_keeper;
  to[1] = (word)kept;
  to[2] = (word)__errno_location();
  return 0;
}

/* The layout and constants that keeper.ts reads by name or compares with its own (ffi/c-exports.ts). */
struct exported { const char *name; word value, size; };
#define FIELD(type, field) {#type "." #field, (word)&((struct type *)0)->field, sizeof ((struct type *)0)->field}
#define SIZE(type) {#type, sizeof(struct type), 0}
#define CONSTANT(name) {#name, name, 0}

const struct exported *sup_exports(void) {
  static const struct exported table[] = {
    SIZE(keeper), FIELD(keeper, kept), FIELD(keeper, title), FIELD(keeper, title_room), FIELD(keeper, name),
    FIELD(keeper, channel), FIELD(keeper, watch),
    SIZE(command), FIELD(command, action), FIELD(command, slot),
    SIZE(msghdr), FIELD(msghdr, parts), FIELD(msghdr, count), FIELD(msghdr, control), FIELD(msghdr, control_length),
    FIELD(msghdr, flags),
    SIZE(cmsghdr), FIELD(cmsghdr, length), FIELD(cmsghdr, level), FIELD(cmsghdr, type),
    CONSTANT(KEEP), CONSTANT(DROP), CONSTANT(FIRST_SLOT), CONSTANT(MAX_COMMANDS),
    {0, 0, 0},
  };
  return table;
}
