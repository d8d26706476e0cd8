/*
 * Reads processes from /proc (proc(5)), many in one call. In JavaScript one process costs about 20 µs, mostly for strings and arrays.
 * Here it costs 8 µs, or 4 µs through a descriptor that is kept open. Nearly all of that is spent in the kernel. The file declares the
 * functions of libc that it needs, because not every machine has C headers.
 */
typedef unsigned long word;
int open(const char *, int, ...);
long read(int, void *, word);
long pread(int, void *, word, long);
int close(int);
long syscall(long, ...);
int *__errno_location(void);

enum { AT_FDCWD = -100, O_RDONLY = 0, O_CLOEXEC = 02000000 };
#ifdef __aarch64__
enum { NR_statx = 291, NR_getdents64 = 61, O_DIRECTORY = 040000 };
#else
enum { NR_statx = 332, NR_getdents64 = 217, O_DIRECTORY = 0200000 };
#endif
enum { NAME_BYTES = 16 };

/* All numbers are doubles: JavaScript reads an array of them faster than anything else, and none exceeds 2^53. */
struct process {
  double pid, state, parent, group, session, threads, cpu_ticks, waited_ticks, resident_pages, start_ticks, environment_end, wait_status;
  char name[NAME_BYTES]; /* ends with 0 */
};

static char *put_number(char *to, int number) {
  char digits[12];
  int n = 0;
  do digits[n++] = '0' + number % 10; while (number /= 10);
  while (n) *to++ = digits[--n];
  return to;
}

/* Copies the text with a final 0. Returns the address of that 0. */
static char *put_text(char *to, const char *text) {
  while (*text) *to++ = *text++;
  *to = 0;
  return to;
}

static void put_path(char *to, int pid, const char *file) {
  to = put_text(to, "/proc/");
  put_text(put_number(to, pid), file);
}

/* Returns the number at `*at`, and moves `*at` behind the number. */
static long number(const char **at) {
  long value = 0;
  int is_negative;
  while (**at == ' ') ++*at;
  is_negative = **at == '-';
  if (is_negative) ++*at;
  while (**at >= '0' && **at <= '9') value = 10 * value + (*(*at)++ - '0');
  return is_negative ? -value : value;
}

/* Parses a line that ends with 0. The name may contain `)` and blanks, so the fields are counted from the last `)`. */
static int parse(const char *line, int length, struct process *p) {
  const char *at = line + length, *name = line;
  long field[53];
  int i;
  while (at > line && *at != ')') at--;
  while (*name && *name != '(') name++;
  if (at <= name) return 0;
  for (i = 0; i < NAME_BYTES - 1 && name + 1 + i < at; i++) p->name[i] = name[1 + i];
  p->name[i] = 0;
  at += 2;
  p->state = (double)(long)*at++;
  for (i = 4; i <= 52; i++) field[i] = number(&at);
  p->parent = (double)field[4];
  p->group = (double)field[5];
  p->session = (double)field[6];
  p->cpu_ticks = (double)(field[14] + field[15]);
  p->waited_ticks = (double)(field[16] + field[17]);
  p->threads = (double)field[20];
  p->start_ticks = (double)field[22];
  p->resident_pages = (double)field[24];
  p->environment_end = (double)field[51];
  p->wait_status = (double)field[52];
  return 1;
}

/*
 * `read_process` returns 1 if the process was read, and 0 if it does not exist or may not be read. It returns -errno if no descriptor or
 * memory is left. `*kept` is a descriptor of /proc/PID/stat that stays open as long as the process exists. With NONE, the descriptor is
 * opened now and kept. With ONCE, it is not kept.
 */
enum { NONE = -1, ONCE = -2 };
static int read_process(int pid, int *kept, struct process *p) {
  enum { ENOENT = 2, ESRCH = 3, EACCES = 13 };
  static char line[2048];
  char path[40];
  long length;
  int fd = *kept;
  if (fd < 0) {
    put_path(path, pid, "/stat");
    fd = open(path, O_RDONLY | O_CLOEXEC);
  }
  length = fd < 0 ? -1 : pread(fd, line, sizeof line - 1, 0L);
  if (length < 0) length = -*__errno_location();
  if (length == -ESRCH && *kept >= 0) { /* it has ended; there may be another process with its pid */
    close(fd);
    *kept = NONE;
    return read_process(pid, kept, p);
  }
  if (*kept != ONCE) *kept = length < 0 ? NONE : fd;
  if (fd >= 0 && (length < 0 || *kept == ONCE)) close(fd);
  if (length == -ENOENT || length == -ESRCH || length == -EACCES) return 0;
  if (length < 0) return (int)length;
  line[length] = 0;
  p->pid = (double)pid;
  return parse(line, (int)length, p);
}

struct request {
  const int *pids;
  int *kept;                       /* one for each pid */
  struct process *processes;
  int *results;                    /* one for each pid */
  int count;
};

/* Stores the result of `read_process` for each pid. */
int sup_read_processes(struct request *r) {
  int i;
  for (i = 0; i < r->count; i++) r->results[i] = read_process(r->pids[i], &r->kept[i], &r->processes[i]);
  return 0;
}

/* Stores the number of open descriptors of each pid, or -1 if unknown. Linux 6.2 and later report it as the size of /proc/PID/fd. */
int sup_count_descriptors(struct request *r) {
  enum { STATX_SIZE = 0x200 };
  static long statx[32]; /* struct statx, which is the same on all platforms: stx_size is at 40 */
  char path[40];
  int i;
  for (i = 0; i < r->count; i++) {
    put_path(path, r->pids[i], "/fd");
    r->results[i] = syscall(NR_statx, (long)AT_FDCWD, path, 0L, (long)STATX_SIZE, statx) < 0 ? -1 : (int)statx[5];
  }
  return 0;
}

struct cpu_request {
  const int *files;
  double *times;                   /* one for each file */
  int count;
};

/* Reads `cpu.stat` of many cgroups, which begins with "usage_usec N". Stores N, or -1 if it is unknown. */
int sup_read_cpu_times(struct cpu_request *r) {
  static const char key[] = "usage_usec ";
  static char text[64];
  int i, k;
  for (i = 0; i < r->count; i++) {
    long length = pread(r->files[i], text, sizeof text - 1, 0L);
    const char *at = text + sizeof key - 1;
    text[length < 0 ? 0 : length] = 0;
    for (k = 0; key[k] && text[k] == key[k]; k++) continue;
    r->times[i] = key[k] || *at < '0' || *at > '9' ? -1 : (double)number(&at);
  }
  return 0;
}

struct descent {
  int *pids;                       /* at first the roots; then also all of their descendants */
  int count, room;                 /* how many there are, and how many fit */
  const int *skipped;
  int skipped_count;
  struct process *processes;       /* one for each pid */
  int *results;                    /* likewise: that of `read_process`, or SKIPPED */
};
enum { SKIPPED = 2 };

static int contains(const int *pids, int count, int pid) {
  int i;
  for (i = 0; i < count; i++) if (pids[i] == pid) return 1;
  return 0;
}

/* Adds the pids in a file `children`, if it exists. Returns 0 or -errno (ENOSPC if there is no room for all pids). */
static int add_children(struct descent *d, const char *path) {
  enum { ENOSPC = 28, EMFILE = 24, ENFILE = 23, ENOMEM = 12 };
  static char text[4096];
  long length, i;
  int pid = 0, error, fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    error = *__errno_location();
    return error == EMFILE || error == ENFILE || error == ENOMEM ? -error : 0;
  }
  error = 0;
  while (!error && (length = read(fd, text, sizeof text)) > 0) /* a number may go on in the next part */
    for (i = 0; i < length && !error; i++) {
      if (text[i] >= '0' && text[i] <= '9') {
        pid = 10 * pid + (text[i] - '0');
        continue;
      }
      if (pid && !contains(d->pids, d->count, pid)) {
        if (d->count == d->room) error = -ENOSPC;
        else d->pids[d->count++] = pid;
      }
      pid = 0;
    }
  close(fd);
  return error;
}

/* Adds the children of all threads of the process. Returns 0 or -errno. */
static int add_children_of(struct descent *d, int pid, int threads) {
  static char entries[4096];
  char path[64], *at;
  long length, i;
  int fd, error = 0;
  put_path(path, pid, "/task/");
  at = path;
  while (*at) at++;
  if (threads == 1) {
    put_text(put_number(at, pid), "/children");
    return add_children(d, path);
  }
  fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return 0;
  /* struct linux_dirent64: the length is at 16, the name at 19 */
  while (!error && (length = syscall(NR_getdents64, (long)fd, entries, (long)sizeof entries)) > 0)
    for (i = 0; i < length && !error; i += *(unsigned short *)(entries + i + 16)) {
      if (entries[i + 19] == '.') continue;
      put_text(put_text(at, entries + i + 19), "/children");
      error = add_children(d, path);
    }
  close(fd);
  return error;
}

/* Finds the descendants of processes. A dead process has none, because its children became orphans. Returns 0 or -errno. */
int sup_read_descendants(struct descent *d) {
  int i, error;
  for (i = 0; i < d->count; i++) {
    struct process *p = &d->processes[i];
    if (contains(d->skipped, d->skipped_count, d->pids[i])) {
      d->results[i] = SKIPPED;
      continue;
    }
    int kept = ONCE;
    d->results[i] = read_process(d->pids[i], &kept, p);
    if (d->results[i] < 0) return d->results[i];
    if (d->results[i] == 0 || p->state == 'X' || (p->state == 'Z' && p->threads <= 1)) continue;
    error = add_children_of(d, d->pids[i], (int)p->threads);
    if (error) return error;
  }
  return 0;
}

/* An entry of the table of exports, which TypeScript reads by name (ffi/c-exports.ts). */
struct exported { const char *name; word value, size; };
#define FIELD(type, field) {#type "." #field, (word)&((struct type *)0)->field, sizeof ((struct type *)0)->field}
#define SIZE(type) {#type, sizeof(struct type), 0}
#define CONSTANT(name) {#name, (unsigned)name, 0}

const struct exported *sup_exports(void) {
  static const struct exported table[] = {
    SIZE(process), FIELD(process, pid), FIELD(process, state), FIELD(process, parent), FIELD(process, group), FIELD(process, session),
    FIELD(process, threads), FIELD(process, cpu_ticks), FIELD(process, waited_ticks), FIELD(process, resident_pages),
    FIELD(process, start_ticks), FIELD(process, environment_end), FIELD(process, wait_status), FIELD(process, name),
    SIZE(request), FIELD(request, pids), FIELD(request, kept), FIELD(request, processes), FIELD(request, results), FIELD(request, count),
    SIZE(cpu_request), FIELD(cpu_request, files), FIELD(cpu_request, times), FIELD(cpu_request, count),
    SIZE(descent), FIELD(descent, pids), FIELD(descent, count), FIELD(descent, room), FIELD(descent, skipped),
    FIELD(descent, skipped_count), FIELD(descent, processes), FIELD(descent, results),
    CONSTANT(NONE), CONSTANT(ONCE), CONSTANT(SKIPPED),
    {0, 0, 0},
  };
  return table;
}
