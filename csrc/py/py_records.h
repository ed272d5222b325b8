/*
 * py_records - a numpy array of the caller as C records: checked once, locked while it is used.
 *
 * A held array cannot be resized, and what C reads or writes are the caller's own bytes: nothing is
 * copied. The functions of the market layer take their outputs as arrays too, so that whoever calls
 * owns all memory.
 */
#ifndef RL_PY_RECORDS_H
#define RL_PY_RECORDS_H

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

/* Harmless on those that are zeroed or released. */
void py_records_release(struct py_records *records, size_t n);

#endif
