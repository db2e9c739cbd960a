/* The interface between Quern and a plugin, in plain C.
 *
 * A plugin is a shared object with one entry point, quern_plugin_v2, and an ELF note for each of
 * its classes. The C++ headers of this folder are a layer over this file; a plugin in C, or in any
 * language that can call C, uses it directly (tests/mapreduce/task/c_words.c is a whole one).
 *
 * How it stays the same while it grows:
 *  - Each struct begins with its size as its maker was compiled. New fields come at the end, and
 * the reader takes those that are missing for zero: an older plugin works with a newer Quern, and a
 *    newer one asks QUERN_HAS before it uses what an older Quern may lack.
 *  - No field ever moves or changes its meaning. quern_bytes, quern_counter and quern_piece never
 *    grow.
 *
 * Objects are used by one thread. No exception, longjmp or thread exit may leave a function of the
 * plugin. Pointers that a function gets are valid until it returns unless something else is said.
 */
#ifndef QUERN_MAPREDUCE_API_QUERN_H_
#define QUERN_MAPREDUCE_API_QUERN_H_

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define QUERN_API_VERSION 2

/* Whether the maker of *object knew the field. */
#define QUERN_HAS(object, field) \
  ((object)->size >=             \
   (size_t)((const char*)&(object)->field - (const char*)(object)) + sizeof((object)->field))

#ifdef __cplusplus
extern "C" {
#endif

/* What functions of a plugin return. */
#define QUERN_OK 0
#define QUERN_FAILED 1     /* this attempt has failed */
#define QUERN_SKIPPED 2    /* map, reduce: this record or group is set aside and counted */
#define QUERN_JOB_FAILED 3 /* the job has failed: another attempt would not help */

/* Kinds of class. The numbers stand in ELF notes. */
#define QUERN_MAPPER 1
#define QUERN_REDUCER 2
#define QUERN_COMBINER 3
#define QUERN_PARTITIONER 4
#define QUERN_FOLD 5 /* reducer and combiner in one */

#define QUERN_MAX_STATE_BYTES 4096

typedef struct quern_bytes {
  const char* data; /* NULL: there is none */
  size_t size;
} quern_bytes;

/* A sum over all tasks of a job. */
typedef struct quern_counter {
  int64_t value;
} quern_counter;

/* A part of a file. */
typedef struct quern_piece {
  quern_bytes path;
  uint64_t offset;
  uint64_t length;
} quern_piece;

/* Where records go: a window of memory, filled without any call. Use quern_emit. */
typedef struct quern_output quern_output;
struct quern_output {
  uint32_t size;
  uint32_t unused;
  char* cursor; /* where the next record is written */
  char* limit;  /* end of the window */
  /* Takes a record that does not fit in the window, and opens a new one. Not QUERN_OK: Quern cannot
   * go on and knows why; return QUERN_FAILED as soon as possible. */
  int (*emit_slow)(quern_output* output, const char* key, size_t key_size, const char* value,
                   size_t value_size);
};

typedef struct quern_host quern_host;

/* What an object of a class knows of its task. Lives longer than the object. */
typedef struct quern_task {
  uint32_t size;
  uint32_t kind; /* of the object's class */
  const quern_host* host;
  quern_output* output;  /* NULL for a partitioner, and for a fold in a map task */
  quern_bytes job_id;    /* "job-20261122-0001", or "job-local" */
  uint32_t index;        /* number of this map or reduce task, from 0 */
  uint32_t attempt;      /* from 0 */
  uint32_t reduce_tasks; /* of the job; 0 in a map-only job */
  uint32_t piece_count;
  const quern_piece* pieces; /* the split of a map task */
  quern_bytes input_format;  /* of a map task: text | whole | jsonl | fixed | ... */
  quern_bytes input_tag;     /* of a map task: what the spec says of its input */
} quern_task;

/* What Quern does for a plugin. Strings are copied. */
struct quern_host {
  uint32_t size;
  uint32_t api;
  /* A value of the job's [params]. Lives as long as the task. */
  quern_bytes (*param)(quern_task* task, const char* name, size_t size);
  /* The counter of this name, made at the first call. Lives as long as the task. NULL: refused, and
   * the attempt has failed. */
  quern_counter* (*counter)(quern_task* task, const char* name, size_t size);
  /* One line for the job's page. Counts as progress. */
  void (*set_status)(quern_task* task, const char* text, size_t size);
  /* Says why a function is about to return `result` (not QUERN_OK), and returns it:
   *   return task->host->report(task, QUERN_SKIPPED, "no date", 7); */
  int (*report)(quern_task* task, int result, const char* reason, size_t size);
  /* What the present record of a map task says of itself under this name. Valid as the record. */
  quern_bytes (*header)(quern_task* task, const char* name, size_t size);
  /* Path of the local copy of a file in the job's [files], which is only to be read. No data: there
   * is no file of the name. Lives as long as the task. */
  quern_bytes (*file)(quern_task* task, const char* name, size_t size);
  /* An output of the job beside the main one, by its name in the spec; for mappers and in reduce
   * tasks. Lives as long as the task. NULL: there is none of the name, or objects of this kind have
   * none; the attempt has failed. */
  quern_output* (*named_output)(quern_task* task, const char* name, size_t size);
};

/* Where the records of a piece come from. */
typedef struct quern_source {
  uint32_t size;
  uint32_t piece; /* number in the task's split: records of packed files may share offsets */
  quern_bytes path;
} quern_source;

typedef struct quern_record {
  uint32_t size;
  uint32_t unused;
  quern_bytes key; /* no data: the offset in decimal digits */
  quern_bytes value;
  uint64_t offset; /* of its first byte in the file, in its decompressed contents */
  const quern_source* source;
} quern_record;

/* Records that are mapped by one call: of one piece, in its order. */
typedef struct quern_batch {
  uint32_t size;
  uint32_t count; /* at least 1 */
  const quern_record* const* records;
  /* Set by the plugin: number of the record that a result other than QUERN_OK is about. Those
   * before it are done. */
  uint32_t at;
  uint32_t unused;
} quern_batch;

/* A key and its values, which come in runs of equal ones, each to be looked at once:
 *   for (; group->repeats > 0; quern_next_value(group)) use(group->value); */
typedef struct quern_group quern_group;
struct quern_group {
  uint32_t size;
  uint32_t unused;
  quern_bytes key;        /* what the records of the group share; valid until reduce returns */
  uint64_t repeats;       /* values left in the present run; 0 at the end */
  quern_bytes value;      /* the present one */
  quern_bytes record_key; /* of the present value: begins with `key` */
  /* Moves to the next run; `repeats` is 0 when there is none. */
  void (*next_run)(quern_group* group);
};

/* One state a key, which its values are added to. A state is plain memory, aligned to 8 bytes, at
 * most QUERN_MAX_STATE_BYTES; its bytes travel from map to reduce tasks, and are added to and
 * merged in any order. */
typedef struct quern_fold {
  uint32_t size;
  uint32_t state_bytes;
  void (*init)(void* state);
  /* Adds a value so many times. */
  int (*add)(void* self, quern_task* task, void* state, const char* value, size_t size,
             uint64_t repeats);
  int (*merge)(void* self, quern_task* task, void* state, const void* other);
  /* In reduce tasks, when all values of the key are in the state. */
  int (*put)(void* self, quern_task* task, const void* state, quern_bytes key);
} quern_fold;

/* A class of a plugin. Functions that its kind does not need may be NULL. */
typedef struct quern_class {
  uint32_t size;
  uint32_t api;
  uint32_t kind;
  uint32_t unused;
  const char* name;
  /* Makes the object *self; NULL: it has none, and self is NULL below. */
  int (*create)(quern_task* task, void** self);
  /* Before the first record. */
  int (*start)(void* self, quern_task* task);
  /* Mapper. */
  int (*map)(void* self, quern_task* task, const quern_record* record);
  /* Reducer, combiner. Values that it does not take are skipped. A combiner may be called for any
   * part of a key's values, any number of times, and emits under the group's key only. */
  int (*reduce)(void* self, quern_task* task, quern_group* group);
  /* After the last record; mappers and reducers may still emit. */
  int (*finish)(void* self, quern_task* task);
  /* Always called when create succeeded, unless the process ends. */
  void (*destroy)(void* self);
  /* Partitioner: the partition of a key, from 0 to partitions - 1, the same in every process.
   * Anything else fails the attempt. */
  uint32_t (*partition)(void* self, quern_task* task, const char* key, size_t size,
                        uint32_t partitions);
  /* Fold. */
  const quern_fold* fold;
  /* Mapper, instead of `map`: for languages in which a call costs more than a record, and for work
   * that is done on many records at a time. A class that has both is called through this one; a
   * Quern that is older than it calls `map`. After QUERN_SKIPPED it is called again with the
   * records behind batch->at. Records come one at a time where it has to be known which one is
   * worked on (limits.skip_bad_records), and of formats with headers. */
  int (*map_batch)(void* self, quern_task* task, quern_batch* batch);
} quern_class;

typedef struct quern_plugin {
  uint32_t size;
  uint32_t api;
  uint32_t class_count;
  uint32_t unused;
  const quern_class* const* classes;
} quern_plugin;

/* The entry point. Lives as long as the plugin. */
__attribute__((visibility("default"))) const quern_plugin* quern_plugin_v2(void);

/* memcpy for short strings of unknown length: a call into the C library costs more than the copy.
 */
static inline void quern_copy_short(char* to, const char* from, size_t size) {
  if (__builtin_constant_p(size) || size > 16) {
    memcpy(to, from, size);
  } else if (size >= 4) { /* quarters that overlap: no branch has to guess how long a word is */
    const size_t inner = size >> 3 << 2;
    uint32_t quarters[4];
    memcpy(quarters, from, 4);
    memcpy(quarters + 1, from + inner, 4);
    memcpy(quarters + 2, from + size - 4 - inner, 4);
    memcpy(quarters + 3, from + size - 4, 4);
    memcpy(to, quarters, 4);
    memcpy(to + inner, quarters + 1, 4);
    memcpy(to + size - 4 - inner, quarters + 2, 4);
    memcpy(to + size - 4, quarters + 3, 4);
  } else if (size > 0) {
    to[0] = from[0];
    to[size / 2] = from[size / 2];
    to[size - 1] = from[size - 1];
  }
}

/* A record lies in the window as {u32 key size, u32 value size, key, value}: host byte order,
 * unaligned. */
#define QUERN_RECORD_HEADER_BYTES 8

/* Hands on one record; both strings are copied. */
__attribute__((always_inline)) static inline int quern_emit(quern_output* output, const char* key,
                                                            size_t key_size, const char* value,
                                                            size_t value_size) {
  const size_t size = QUERN_RECORD_HEADER_BYTES + key_size + value_size;
  char* const to = output->cursor;
  if (__builtin_expect(size > (size_t)(output->limit - to), 0)) {
    return output->emit_slow(output, key, key_size, value, value_size);
  }
  const uint32_t sizes[2] = {(uint32_t)key_size, (uint32_t)value_size};
  output->cursor = to + size;
  memcpy(to, sizes, sizeof(sizes));
  quern_copy_short(to + QUERN_RECORD_HEADER_BYTES, key, key_size);
  quern_copy_short(to + QUERN_RECORD_HEADER_BYTES + key_size, value, value_size);
  return QUERN_OK;
}

static inline void quern_next_value(quern_group* group) {
  if (--group->repeats == 0) group->next_run(group);
}

#ifdef __cplusplus
} /* extern "C" */
#endif

#define QUERN_TEXT_OF(x) #x
#define QUERN_TEXT(x) QUERN_TEXT_OF(x)

/* Lets `mr` and the coordinator see a class without loading the plugin:
 *   QUERN_NOTE(QUERN_MAPPER, "WordCount")
 * Name "Quern", type 1, description {u32 api version, u32 kind, class name, NUL}. */
#define QUERN_NOTE(kind, class_name) \
  __asm__(".pushsection .note.quern, \"a\", %note\n"      \
          ".balign 4\n.long 6\n.long 2f - 1f\n.long 1\n"  \
          ".asciz \"Quern\"\n.balign 4\n"                 \
          "1: .long " QUERN_TEXT(QUERN_API_VERSION) "\n"  \
          ".long " QUERN_TEXT(kind) "\n.asciz \"" class_name "\"\n2:\n" \
          ".balign 4\n.popsection\n");

#endif /* QUERN_MAPREDUCE_API_QUERN_H_ */
