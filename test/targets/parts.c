/* What a shared library linked with Debian's static libgcc needs besides, in terms of musl. */
#define _GNU_SOURCE
#include <link.h>
#include <sys/auxv.h>

/* Of crtbeginS.o, the rest of which is for glibc. */
#define HIDDEN __attribute__((visibility("hidden")))
HIDDEN void *__dso_handle = &__dso_handle;

/* What glibc calls getauxval by: arm64's libgcc asks it for atomic instructions. */
HIDDEN unsigned long __getauxval(unsigned long type) { return getauxval(type); }

/* _dl_find_object of glibc 2.35, by which the unwinder finds the tables of a function's frames. */

struct dl_find_object {
  unsigned long long flags;
  void *map_start, *map_end, *link_map, *eh_frame;
  unsigned long long reserved[7];
};

struct search {
  ElfW(Addr) pc;
  struct dl_find_object *found;
};

static int look(struct dl_phdr_info *object, size_t size, void *data) {
  struct search *search = data;
  int i, inside = 0;
  void *frames = 0;
  for (i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &object->dlpi_phdr[i];
    ElfW(Addr) at = object->dlpi_addr + part->p_vaddr;
    if (part->p_type == PT_GNU_EH_FRAME) frames = (void *)at;
    if (part->p_type != PT_LOAD || search->pc < at || search->pc >= at + part->p_memsz) continue;
    inside = 1;
    search->found->map_start = (void *)at;
    search->found->map_end = (void *)(at + part->p_memsz);
  }
  if (!inside || !frames) return 0;
  search->found->eh_frame = frames;
  return 1;
}

HIDDEN int _dl_find_object(void *pc, struct dl_find_object *found) {
  struct search search = {(ElfW(Addr))pc, found};
  return dl_iterate_phdr(look, &search) ? 0 : -1;
}
