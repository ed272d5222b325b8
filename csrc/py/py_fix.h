/*
 * py_fix - rows of a batch of FIX messages, as C and numpy share them.
 */
#ifndef RL_PY_FIX_H
#define RL_PY_FIX_H

#include "py/py_records.h"

/* Mirrored by engine.market.fix.MESSAGE. Offsets count from the start of the data. */
struct fix_message {
    uint64_t offset;
    uint64_t first_field; /* index into the fields of the batch */
    uint64_t ref_offset;  /* after REJECT or GARBLED */
    uint32_t n_bytes;
    uint32_t type;
    uint32_t n_fields;
    uint32_t ref_tag;
    int16_t reason; /* after REJECT; else -1 */
    uint16_t what;  /* index into the sentences of the batch */
    uint8_t outcome;
    uint8_t unused[3];
};
_Static_assert(sizeof(struct fix_message) == 48, "mirrored by a numpy dtype");

/* Mirrored by engine.market.fix.FIELD. */
struct fix_field {
    uint64_t offset;
    uint32_t length;
    uint32_t tag;
};
_Static_assert(sizeof(struct fix_field) == 16, "mirrored by a numpy dtype");

#define FIX_WANT_DATA {NULL, "data", 0, 1, false}
#define FIX_WANT_MESSAGES(writable) \
    {NULL, "messages", sizeof(struct fix_message), _Alignof(struct fix_message), writable}
#define FIX_WANT_FIELDS(writable) \
    {NULL, "fields", sizeof(struct fix_field), _Alignof(struct fix_field), writable}

#endif
