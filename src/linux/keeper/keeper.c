/*
 * The keeper: a bare process (bare-process.c) that holds descriptors, so that what they refer to outlives the daemon. Examples are
 * unread output in a pipe whose writer has ended, the exit status of a process, and pending connections of a socket.
 *
 * The keeper receives commands over a socket: keep a descriptor, or drop one. When the socket is closed, the daemon is gone. The
 * keeper then holds its descriptors until the next daemon ends it, or until its file in the runtime directory is removed. A removed
 * file means that there will be no next daemon. WATCH is an inotify descriptor that becomes readable when the file is removed.
 */

enum { KEEP = 1, DROP = 0 };
struct command { int action, slot; };

enum { POLLIN = 1, PR_SET_PTRACER = 0x59616d61 };
/* Received descriptors take the lowest free numbers, at most 64, and are then moved to their slots. */
enum { FIRST_SLOT = 128, MAX_COMMANDS = 64 };

/* Receives one message and carries out its commands. Returns its length in bytes, or 0 if the daemon is gone. */
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
  static word none;
  call(NR_sigprocmask, (long)SIG_SETMASK, &none, 0L, 8L);
  call(NR_chdir, "/");
  call(NR_prctl, (long)PR_SET_PTRACER, -1L, 0L, 0L, 0L); /* Yama: allows the next daemon to copy descriptors */
  polled[0].fd = WATCH;
  polled[1].fd = CHANNEL;
  polled[0].events = polled[1].events = POLLIN;
  for (;;) {
    if (call(NR_ppoll, polled, 2L, 0L, 0L, 8L) < 0) continue;
    if (polled[0].happened) call(NR_exit_group, 0L);
    if (polled[1].happened && receive_commands(CHANNEL) == 0) polled[1].fd = -1; /* the daemon is gone */
  }
}

/* The constants that keeper-process.ts reads by name or compares with its own. */
const struct exported *sup_exports(void) {
  static const struct exported table[] = {
    BARE_EXPORTS,
    SIZE(command), FIELD(command, action), FIELD(command, slot),
    CONSTANT(KEEP), CONSTANT(DROP), CONSTANT(FIRST_SLOT), CONSTANT(MAX_COMMANDS),
    {0, 0, 0},
  };
  return table;
}
