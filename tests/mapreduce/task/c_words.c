/* Word count in plain C, through mapreduce/api/quern.h alone. The words of a line are what stands
 * between blanks; a line "skip" is set aside, a line "fail" ends the job. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapreduce/api/quern.h"

struct words {
  quern_counter* lines;
};

static int create(quern_task* task, void** self) {
  (void)task;
  *self = calloc(1, sizeof(struct words));
  return *self == NULL ? QUERN_FAILED : QUERN_OK;
}

static int start(void* self, quern_task* task) {
  struct words* const words = self;
  words->lines = task->host->counter(task, "lines", 5);
  return words->lines == NULL ? QUERN_FAILED : QUERN_OK;
}

static int is(quern_bytes text, const char* what) {
  return text.size == strlen(what) && memcmp(text.data, what, text.size) == 0;
}

static int map(void* self, quern_task* task, const quern_record* record) {
  const quern_bytes line = record->value;
  if (is(line, "skip")) return task->host->report(task, QUERN_SKIPPED, "as it says", 10);
  if (is(line, "skip because of this")) return QUERN_SKIPPED;
  if (is(line, "fail")) return task->host->report(task, QUERN_JOB_FAILED, "as it says", 10);
  ++((struct words*)self)->lines->value;
  size_t begin = 0;
  for (size_t i = 0; i <= line.size; ++i) {
    if (i < line.size && line.data[i] != ' ') continue;
    if (i > begin && quern_emit(task->output, line.data + begin, i - begin, "1", 1) != QUERN_OK) {
      return QUERN_FAILED;
    }
    begin = i + 1;
  }
  return QUERN_OK;
}

/* The same of many records at a time. Counts the calls and the records. */
static int map_batch(void* self, quern_task* task, quern_batch* batch) {
  quern_counter* const calls = task->host->counter(task, "calls", 5);
  quern_counter* const records = task->host->counter(task, "mapped", 6);
  if (calls == NULL || records == NULL) return QUERN_FAILED;
  ++calls->value;
  for (batch->at = 0; batch->at < batch->count; ++batch->at) {
    const int result = map(self, task, batch->records[batch->at]);
    if (result != QUERN_OK) return result;
    ++records->value;
  }
  return QUERN_OK;
}

static int sum(void* self, quern_task* task, quern_group* group) {
  (void)self;
  long long total = 0;
  for (; group->repeats > 0; quern_next_value(group)) {
    char digits[24] = "";
    memcpy(digits, group->value.data, group->value.size < 23 ? group->value.size : 23);
    total += atoll(digits);
  }
  char text[24];
  const int size = snprintf(text, sizeof(text), "%lld", total);
  return quern_emit(task->output, group->key.data, group->key.size, text, (size_t)size);
}

static uint32_t by_letter(void* self, quern_task* task, const char* key, size_t size,
                          uint32_t partitions) {
  (void)self;
  (void)task;
  return size > 0 && key[0] < 'n' ? 0 : partitions - 1;
}

QUERN_NOTE(QUERN_MAPPER, "CWords")
QUERN_NOTE(QUERN_MAPPER, "CBatchWords")
QUERN_NOTE(QUERN_REDUCER, "CSum")
QUERN_NOTE(QUERN_COMBINER, "CSum")
QUERN_NOTE(QUERN_PARTITIONER, "CByLetter")

static const quern_class mapper = {.size = sizeof(quern_class),
                                   .api = QUERN_API_VERSION,
                                   .kind = QUERN_MAPPER,
                                   .name = "CWords",
                                   .create = create,
                                   .start = start,
                                   .map = map,
                                   .destroy = free};
static const quern_class batch_mapper = {.size = sizeof(quern_class),
                                         .api = QUERN_API_VERSION,
                                         .kind = QUERN_MAPPER,
                                         .name = "CBatchWords",
                                         .create = create,
                                         .start = start,
                                         .destroy = free,
                                         .map_batch = map_batch};
static const quern_class reducer = {.size = sizeof(quern_class),
                                    .api = QUERN_API_VERSION,
                                    .kind = QUERN_REDUCER,
                                    .name = "CSum",
                                    .reduce = sum};
static const quern_class combiner = {.size = sizeof(quern_class),
                                     .api = QUERN_API_VERSION,
                                     .kind = QUERN_COMBINER,
                                     .name = "CSum",
                                     .reduce = sum};
static const quern_class partitioner = {.size = sizeof(quern_class),
                                        .api = QUERN_API_VERSION,
                                        .kind = QUERN_PARTITIONER,
                                        .name = "CByLetter",
                                        .partition = by_letter};

const quern_plugin* quern_plugin_v2(void) {
  static const quern_class* const classes[] = {&mapper, &batch_mapper, &reducer, &combiner,
                                               &partitioner};
  static const quern_plugin plugin = {sizeof(quern_plugin), QUERN_API_VERSION, 5, 0, classes};
  return &plugin;
}
