/*
 * py_stream - an engine.market.Stream as the struct that the rig sends from, without a copy.
 */
#ifndef RL_PY_STREAM_H
#define RL_PY_STREAM_H

#include "py/module.h"
#include "rig/synth/stream.h"

struct py_stream {
    Py_buffer data, recs; /* obj is NULL: not held */
    struct rl_stream stream;
};

/* 0 and the buffers held until py_stream_release; -1 with an exception and nothing held. */
int py_stream_get(PyObject *op, struct py_stream *out);

/* Harmless on one that is zeroed or released. */
void py_stream_release(struct py_stream *s);

#endif
