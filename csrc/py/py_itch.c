/* ITCH 5.0 in batches: indexed messages to updates, updates to messages. */
#include "market/codec/itch.h"

#include "market/replay/replay.h"
#include "py/py_records.h"

#include <string.h>

static PyObject *itch_types(PyObject *module, PyObject *unused)
{
    PyObject *dict = PyDict_New();

    (void)module;
    (void)unused;
    for (unsigned type = 0; dict && type < RL_COUNT(rl_itch_sizes); type++) {
        char key[2] = {(char)type, 0};

        if (rl_itch_sizes[type] > 0 &&
            core_put(dict, key,
                     Py_BuildValue("(sI)", rl_itch_name((uint8_t)type), rl_itch_sizes[type])) < 0)
            Py_CLEAR(dict);
    }
    return dict;
}

static PyObject *itch_decode(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"data", "recs", "updates", "valid", NULL};
    struct py_records held[4];
    struct py_records_want wants[4] = {
        {NULL, "data", 0, 1, false},
        {NULL, "recs", sizeof(struct rl_stream_rec), _Alignof(struct rl_stream_rec), false},
        {NULL, "updates", sizeof(struct rl_update), 1, true},
        {NULL, "valid", 1, 1, true},
    };
    const struct rl_stream_rec *recs;
    uint64_t n;
    const uint8_t *data;
    uint8_t *updates;
    bool *valid;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "OOOO:itch_decode", names, &wants[0].op,
                                     &wants[1].op, &wants[2].op, &wants[3].op) ||
        py_records_hold(held, wants, RL_COUNT(wants)) < 0)
        return NULL;
    data = held[0].view.buf;
    recs = held[1].view.buf;
    updates = held[2].view.buf;
    valid = held[3].view.buf;
    n = py_records_least(held + 1, 3);
    if (py_recs_inside(recs, n, held[0].n) < 0) {
        py_records_release(held, RL_COUNT(held));
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    for (uint64_t i = 0; i < n; i++) {
        const struct rl_stream_rec *r = &recs[i];
        struct rl_update u; /* the caller's array need not be aligned to cache lines */

        memset(&u, 0, sizeof(u));
        valid[i] = rl_itch_decode(data + r->offset, r->n_bytes, &u);
        rl_update_tidy(&u);
        u.seq = i + 1;
        if (valid[i])
            u.instrument = rl_itch_locate(data + r->offset);
        memcpy(updates + i * sizeof(u), &u, sizeof(u));
    }
    Py_END_ALLOW_THREADS
    py_records_release(held, RL_COUNT(held));
    Py_RETURN_NONE;
}

/* --- encoding --------------------------------------------------------------------------------- */

#define MAX_TS_NS (1ULL << 48)
#define SYMBOL_BYTES RL_ITCH_SYMBOL

/* Why an update is no message of that type, or NULL. */
static const char *unfit(const struct rl_update *u, uint8_t type)
{
    bool has_qty = type != 'D', has_px = strchr("AFCUP", type) != NULL;

    if (u->instrument > UINT16_MAX)
        return "instrument is beyond 16 bits";
    if (u->ts_ns >= MAX_TS_NS)
        return "ts_ns is beyond 48 bits";
    if (has_qty && u->qty > UINT32_MAX)
        return "qty is beyond 32 bits";
    if (has_px && (u->px_nano < 0 || u->px_nano % RL_ITCH_NANO_PER_TICK != 0 ||
                   u->px_nano / RL_ITCH_NANO_PER_TICK > UINT32_MAX))
        return "px_nano is not on the grid of 0.0001 or beyond it";
    if (u->side > RL_SELL && strchr("AFP", type))
        return "side is neither buy nor sell";
    return NULL;
}

/* The size of the message, 0 for a type that has no encoder here. */
static uint32_t put(uint8_t *out, uint8_t type, const struct rl_update *u, const char *symbol)
{
    struct rl_itch_head h = {.locate = (uint16_t)u->instrument, .ts_ns = u->ts_ns};
    enum rl_side side = (enum rl_side)u->side;
    uint32_t qty = (uint32_t)u->qty;

    switch (type) {
    case 'A':
        return rl_itch_put_add(out, &h, u->id, side, qty, symbol, u->px_nano);
    case 'F':
        return rl_itch_put_add_mpid(out, &h, u->id, side, qty, symbol, u->px_nano, "");
    case 'E':
        return rl_itch_put_executed(out, &h, u->id, qty, u->new_id);
    case 'C':
        return rl_itch_put_executed_price(out, &h, u->id, qty, u->new_id, true, u->px_nano);
    case 'X':
        return rl_itch_put_cancel(out, &h, u->id, qty);
    case 'D':
        return rl_itch_put_delete(out, &h, u->id);
    case 'U':
        return rl_itch_put_replace(out, &h, u->id, u->new_id, qty, u->px_nano);
    case 'P':
        return rl_itch_put_trade(out, &h, u->id, side, qty, symbol, u->px_nano, u->new_id);
    default:
        return 0;
    }
}

static PyObject *itch_encode(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"updates", "types", "symbols", "out", "recs", NULL};
    struct py_records held[5];
    struct py_records_want wants[5] = {
        {NULL, "updates", sizeof(struct rl_update), 1, false},
        {NULL, "types", 1, 1, false},
        {NULL, "symbols", SYMBOL_BYTES, 1, false},
        {NULL, "out", 0, 1, true},
        {NULL, "recs", sizeof(struct rl_stream_rec), _Alignof(struct rl_stream_rec), true},
    };
    const char *what = NULL;
    uint64_t n, at = 0, bad = 0;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "OOOOO:itch_encode", names, &wants[0].op,
                                     &wants[1].op, &wants[2].op, &wants[3].op, &wants[4].op) ||
        py_records_hold(held, wants, RL_COUNT(wants)) < 0)
        return NULL;
    n = held[0].n;
    if (held[1].n != n || held[2].n != n || held[4].n != n)
        what = "as many types, symbols and recs as updates are needed";
    Py_BEGIN_ALLOW_THREADS
    for (uint64_t i = 0; !what && i < n; i++) {
        const uint8_t *types = held[1].view.buf;
        struct rl_stream_rec *recs = held[4].view.buf;
        char symbol[SYMBOL_BYTES + 1] = {0};
        uint8_t message[RL_ITCH_MAX_MESSAGE];
        struct rl_update u;
        uint32_t n_bytes = 0;

        memcpy(&u, (const uint8_t *)held[0].view.buf + i * sizeof(u), sizeof(u));
        memcpy(symbol, (const char *)held[2].view.buf + i * SYMBOL_BYTES, SYMBOL_BYTES);
        bad = i;
        what = unfit(&u, types[i]);
        if (!what) {
            n_bytes = put(message, types[i], &u, symbol);
            what = n_bytes == 0 ? "no encoder for this type" : NULL;
        }
        if (!what && held[3].n - at < n_bytes)
            what = "no room for it";
        if (what)
            break;
        memcpy((uint8_t *)held[3].view.buf + at, message, n_bytes);
        recs[i] = (struct rl_stream_rec){
            .offset = at, .ts_ns = u.ts_ns, .n_bytes = n_bytes, .n_messages = 1};
        at += n_bytes;
    }
    Py_END_ALLOW_THREADS
    py_records_release(held, RL_COUNT(held));
    if (what)
        return PyErr_Format(PyExc_ValueError, "update %llu: %s", (unsigned long long)bad, what);
    return PyLong_FromUnsignedLongLong(at);
}

/* --- the module's part ------------------------------------------------------------------------ */

PyDoc_STRVAR(types_doc, "itch_types($module, /)\n--\n\n"
                        "{type: (name, bytes)} of every message of ITCH 5.0.");
PyDoc_STRVAR(decode_doc,
             "itch_decode($module, /, data, recs, updates, valid)\n--\n\n"
             "updates[i] = the message recs[i] of data; valid[i] says whether it is one.\n\n"
             "`instrument` is the stock locate, `seq` counts from 1.");
PyDoc_STRVAR(encode_doc, "itch_encode($module, /, updates, types, symbols, out, recs)\n--\n\n"
                         "Write update i as a message types[i]; bytes written, recs filled.");

PyMethodDef itch_functions[] = {
    {"itch_types", itch_types, METH_NOARGS, types_doc},
    {"itch_decode", RL_PY_KEYWORDS(itch_decode), decode_doc},
    {"itch_encode", RL_PY_KEYWORDS(itch_encode), encode_doc},
    {NULL, NULL, 0, NULL},
};
