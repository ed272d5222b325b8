/*
 * py_fields - positional arguments of a call into the members of a C struct, each in its range.
 *
 * PyArg_ParseTuple takes -1 for 2^64 - 1 in silence; here every number is checked and the error
 * names the argument: `qty: -1 is not in 0 .. 18446744073709551615`.
 */
#ifndef RL_PY_FIELDS_H
#define RL_PY_FIELDS_H

#include "py/module.h"

enum py_field_kind {
    PY_FIELD_U8,
    PY_FIELD_U32,
    PY_FIELD_U64,
    PY_FIELD_I64,
    PY_FIELD_PX, /* a price: None is RL_PX_NONE */
};

struct py_field {
    const char *name;
    enum py_field_kind kind;
    size_t at; /* offset in the struct */
};

#define PY_FIELD(kind, type, member) {#member, PY_FIELD_##kind, offsetof(type, member)}

/* 0, or -1 with a TypeError (their number, a type) or a ValueError (the range). */
int py_fields_read(const char *function, const struct py_field *fields, size_t n, void *out,
                   PyObject *const *args, Py_ssize_t n_args);

/* One number of at most `top`; `name` is for the error. */
int py_number(const char *name, PyObject *value, uint64_t top, uint64_t *out);

/* A price as Python sees it: None for RL_PX_NONE. */
PyObject *py_px(int64_t px_nano);

/* METH_FASTCALL without a cast warning. */
#define RL_PY_FAST(function) (PyCFunction)(void (*)(void))(function), METH_FASTCALL

#endif
