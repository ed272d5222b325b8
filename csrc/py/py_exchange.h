/*
 * py_exchange - what the two files of the Exchange share: the type, and reading its config.
 */
#ifndef RL_PY_EXCHANGE_H
#define RL_PY_EXCHANGE_H

#include "py/py_mischief.h"
#include "rig/exchange/serve_thread.h"

/* A config and all that it points to; the objects are held as long as the exchange is open. */
struct py_exchange_config {
    struct rl_serve_config config;
    struct rl_venue_instrument *symbols;
    struct rl_serve_identity *identities;
    struct rl_serve_ouch_identity *ouch_identities;
    struct py_mischief mischief;
    Py_buffer crowd, crowd_recs;
    char *store_dir, *md_session;
    PyObject *dictionaries; /* keeps them alive */
};

struct py_exchange {
    PyObject_HEAD
    struct rl_serve *serve;         /* NULL once closed */
    struct rl_serve_thread *thread; /* NULL: turns are the caller's */
    bool is_turning;                /* a thread of Python is in turn() */
    struct py_exchange_config given;
};

/* -1 with an exception; py_exchange_forget in any case. */
int py_exchange_read(struct py_exchange_config *c, PyObject *args, PyObject *kw);
void py_exchange_forget(struct py_exchange_config *c);

#endif
