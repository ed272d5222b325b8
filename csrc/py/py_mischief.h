/* py_mischief - what shall go wrong at a venue, from a dict as engine/exchange/mischief.py makes
 * it. */
#ifndef RL_PY_MISCHIEF_H
#define RL_PY_MISCHIEF_H

#include "py/module.h"
#include "rig/exchange/mischief.h"

/* Latency samples, which the config points to; they must live as long as it is used. */
struct py_mischief {
    struct rl_mischief_config config;
    Py_buffer request, answer;
};

/* 0, or -1 with an exception: a key that is missing, a number out of range. */
int py_mischief_read(struct py_mischief *m, PyObject *dict);
void py_mischief_release(struct py_mischief *m);

/* A number of a dict: its name, the most it may be, and where it goes. */
struct py_dict_number {
    const char *name;
    uint64_t top;
    uint32_t *out32; /* one of the two */
    uint64_t *out64;
};

/* All of them; -1 with an exception for one that is missing or out of range. */
int py_dict_numbers(PyObject *dict, const struct py_dict_number *numbers, size_t n);

#endif
