/*
 * py_records - a numpy array of the caller as C records: checked once, locked while it is used.
 *
 * A held array cannot be resized, and what C reads or writes are the caller's own bytes: nothing is
 * copied. The functions of the market layer take their outputs as arrays too, so that whoever calls
 * owns all memory.
 */
#ifndef RL_PY_RECORDS_H
#define RL_PY_RECORDS_H

#include "market/replay/replay.h"
#include "py/module.h"

struct py_records {
    Py_buffer view; /* obj is NULL: not held */
    uint64_t n;     /* records */
};

/* What an array must be; `n_bytes` is the size of a record, 0 for plain bytes of any kind. */
struct py_records_want {
    PyObject *op;
    const char *name; /* of the argument, for the error */
    size_t n_bytes;
    size_t align;
    bool writable;
};

/*
 * Holds every array or none: 0, or -1 with an exception that names the argument (TypeError: no
 * buffer; ValueError: not contiguous, other records, not aligned, read-only).
 */
int py_records_hold(struct py_records *out, const struct py_records_want *wants, size_t n);

/* Fewest records of any of them. */
uint64_t py_records_least(const struct py_records *records, size_t n);

/* 0 when the n index records lie within n_data bytes; -1 with an exception that names the first one
 * that does not. */
int py_recs_inside(const struct rl_stream_rec *recs, uint64_t n, uint64_t n_data);

/* Harmless on those that are zeroed or released. */
void py_records_release(struct py_records *records, size_t n);

#endif
