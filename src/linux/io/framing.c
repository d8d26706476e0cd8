/*
 * The C version of `frameLines` in src/core/logs/framing.ts, which documents it. This version uses memchr and memcpy. It declares
 * them itself, because not every machine has C headers.
 */
typedef unsigned long size_t;
void *memchr(const void *, int, size_t);
void *memcpy(void *, const void *, size_t);

#define PART_BYTES (16 * 1024)
#define PREFIX_BYTES 40

/* The C version of characterEnd in framing.ts. */
static int character_end(const unsigned char *bytes, int cut) {
  int back, length;
  if ((bytes[cut] & 0xc0) != 0x80) return cut;
  for (back = 1; back <= 3; back++) {
    unsigned char byte = bytes[cut - back];
    if ((byte & 0xc0) == 0x80) continue;
    length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? cut - back : cut;
  }
  return cut;
}

struct framed {
  int taken, made, records, parts, more;
};

void sup_frame(const unsigned char *input, int from, int to, unsigned char *output, int size, const unsigned char *full,
               const unsigned char *part, int prefix, int end_parts, struct framed *result) {
  int at = from, made = 0, records = 0, parts = 0;
  result->more = 0;
  while (at < to) {
    const unsigned char *newline = memchr(input + at, 10, to - at);
    int end = newline ? (int)(newline - input) : to;
    while (end - at > PART_BYTES) {
      int cut = character_end(input, at + PART_BYTES);
      if (made + PREFIX_BYTES + PART_BYTES + 1 > size) goto full;
      memcpy(output + made, part, prefix);
      made += prefix;
      memcpy(output + made, input + at, cut - at);
      made += cut - at;
      if (end_parts) output[made++] = 10;
      at = cut;
      records++;
      parts++;
    }
    if (!newline) break;
    if (made + PREFIX_BYTES + end - at + 1 > size) goto full;
    memcpy(output + made, full, prefix);
    made += prefix;
    memcpy(output + made, input + at, end + 1 - at);
    made += end + 1 - at;
    at = end + 1;
    records++;
  }
done:
  result->taken = at - from;
  result->made = made;
  result->records = records;
  result->parts = parts;
  return;
full:
  result->more = 1;
  goto done;
}

/* The layout and constants that framing.ts reads by name or compares with its own (ffi/c-exports.ts). */
struct exported { const char *name; size_t value, size; };
#define FIELD(type, field) {#type "." #field, (size_t)&((struct type *)0)->field, sizeof ((struct type *)0)->field}
#define SIZE(type) {#type, sizeof(struct type), 0}
#define CONSTANT(name) {#name, name, 0}

const struct exported *sup_exports(void) {
  static const struct exported table[] = {
    SIZE(framed), FIELD(framed, taken), FIELD(framed, made), FIELD(framed, records), FIELD(framed, parts), FIELD(framed, more),
    CONSTANT(PART_BYTES), CONSTANT(PREFIX_BYTES),
    {0, 0, 0},
  };
  return table;
}
