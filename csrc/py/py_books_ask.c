/* What Books can be asked: best prices, depth, queues, orders, integrity. */
#include "market/book/book.h"

#include "py/py_books.h"
#include "py/py_records.h"

/* --- questions -------------------------------------------------------------------------------- */

static PyObject *books_bbo(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"out", NULL};
    struct rl_books *b = books_idle(op);
    struct py_records held;
    struct py_records_want want = {NULL, "out", sizeof(struct rl_bbo), _Alignof(struct rl_bbo),
                                   true};
    struct rl_bbo *out;

    if (!b || !PyArg_ParseTupleAndKeywords(args, kw, "O:bbo", names, &want.op) ||
        py_records_hold(&held, &want, 1) < 0)
        return NULL;
    out = held.view.buf;
    for (uint64_t i = 0; i < held.n && i < b->n_instruments; i++)
        rl_books_bbo(b, (uint32_t)i, &out[i]);
    py_records_release(&held, 1);
    Py_RETURN_NONE;
}

static PyObject *books_depth(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"instrument", "side", "out", NULL};
    struct rl_books *b = books_idle(op);
    struct py_records held;
    struct py_records_want want = {NULL, "out", sizeof(struct rl_book_depth),
                                   _Alignof(struct rl_book_depth), true};
    unsigned int instrument, side;
    uint32_t n;

    if (!b ||
        !PyArg_ParseTupleAndKeywords(args, kw, "IIO:depth", names, &instrument, &side, &want.op) ||
        py_records_hold(&held, &want, 1) < 0)
        return NULL;
    n = rl_books_depth(b, instrument, side == RL_BUY ? RL_BUY : RL_SELL, held.view.buf,
                       held.n < UINT32_MAX ? (uint32_t)held.n : UINT32_MAX);
    py_records_release(&held, 1);
    return PyLong_FromUnsignedLong(n);
}

static PyObject *books_find(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"instrument", "id", NULL};
    struct rl_books *b = books_idle(op);
    const struct rl_book_order *o;
    unsigned int instrument;
    unsigned long long id;
    enum rl_side side;
    int64_t px_nano;

    if (!b || !PyArg_ParseTupleAndKeywords(args, kw, "IK:find", names, &instrument, &id))
        return NULL;
    o = rl_books_find(b, instrument, id, &px_nano, &side);
    if (!o)
        Py_RETURN_NONE;
    return Py_BuildValue("(iLK)", (int)side, (long long)px_nano, (unsigned long long)o->qty);
}

static PyObject *books_queue_rank(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"instrument", "id", NULL};
    struct rl_books *b = books_idle(op);
    unsigned int instrument;
    unsigned long long id;
    uint32_t rank;

    if (!b || !PyArg_ParseTupleAndKeywords(args, kw, "IK:queue_rank", names, &instrument, &id))
        return NULL;
    rank = rl_books_queue_rank(b, instrument, id);
    if (rank == RL_SLOT_NONE)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLong(rank);
}

static PyObject *books_n(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"instrument", NULL};
    struct rl_books *b = books_idle(op);
    unsigned int instrument;

    if (!b || !PyArg_ParseTupleAndKeywords(args, kw, "I:n", names, &instrument))
        return NULL;
    return Py_BuildValue("(IIII)", rl_books_n_levels(b, instrument, RL_BUY),
                         rl_books_n_levels(b, instrument, RL_SELL),
                         rl_books_n_orders(b, instrument, RL_BUY),
                         rl_books_n_orders(b, instrument, RL_SELL));
}

/* An instrument and a side are behind every other question. */
static bool ask(PyObject *op, PyObject *args, const char *format, struct rl_books **b,
                unsigned int *instrument, enum rl_side *side, void *value)
{
    unsigned int number;

    *b = books_idle(op);
    if (!*b || !PyArg_ParseTuple(args, format, instrument, &number, value))
        return false;
    *side = number == RL_BUY ? RL_BUY : RL_SELL;
    return true;
}

static PyObject *books_qty_at(PyObject *op, PyObject *args)
{
    struct rl_books *b;
    unsigned int instrument;
    enum rl_side side;
    long long px_nano;

    if (!ask(op, args, "IIL:qty_at", &b, &instrument, &side, &px_nano))
        return NULL;
    return PyLong_FromUnsignedLongLong(rl_books_qty_at(b, instrument, side, px_nano));
}

static PyObject *books_take(PyObject *op, PyObject *args)
{
    struct rl_books *b;
    unsigned int instrument;
    enum rl_side side;
    unsigned long long qty;
    uint64_t filled_qty;
    __int128 notional;

    if (!ask(op, args, "IIK:take", &b, &instrument, &side, &qty))
        return NULL;
    rl_books_vwap(b, instrument, side, qty, &filled_qty, &notional);
    return Py_BuildValue("(KLKL)", (unsigned long long)filled_qty, (long long)(notional >> 64),
                         (unsigned long long)notional,
                         (long long)rl_books_vwap_px(notional, filled_qty));
}

/* Mirrored by engine.market.books.QUEUED. */
struct queued {
    uint64_t id;
    uint64_t qty;
};

static PyObject *books_queue(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"instrument", "side", "px_nano", "out", NULL};
    struct rl_books *b = books_idle(op);
    struct py_records held;
    struct py_records_want want = {NULL, "out", sizeof(struct queued), _Alignof(struct queued),
                                   true};
    const struct rl_book_order *o;
    unsigned int instrument, side;
    struct queued *out;
    long long px_nano;
    uint64_t n = 0;

    if (!b ||
        !PyArg_ParseTupleAndKeywords(args, kw, "IILO:queue", names, &instrument, &side, &px_nano,
                                     &want.op) ||
        py_records_hold(&held, &want, 1) < 0)
        return NULL;
    out = held.view.buf;
    o = rl_books_front_at(b, instrument, side == RL_BUY ? RL_BUY : RL_SELL, px_nano);
    for (; o && n < held.n; o = rl_books_behind(b, o))
        out[n++] = (struct queued){o->id, o->qty};
    py_records_release(&held, 1);
    return PyLong_FromUnsignedLongLong(n);
}

static PyObject *books_state(PyObject *op, PyObject *args)
{
    struct rl_books *b = books_idle(op);
    unsigned int instrument;

    if (!b || !PyArg_ParseTuple(args, "I:state", &instrument))
        return NULL;
    return PyUnicode_FromString(rl_book_state_name(rl_books_state(b, instrument)));
}

static PyObject *books_hash(PyObject *op, PyObject *unused)
{
    struct rl_books *b = books_idle(op);
    uint64_t hash;

    (void)unused;
    if (!b)
        return NULL;
    py_books_of(op)->is_busy = true;
    Py_BEGIN_ALLOW_THREADS
    hash = rl_books_hash(b);
    Py_END_ALLOW_THREADS
    py_books_of(op)->is_busy = false;
    return PyLong_FromUnsignedLongLong(hash);
}

static PyObject *books_check(PyObject *op, PyObject *unused)
{
    struct rl_books *b = books_idle(op);
    const char *what;

    (void)unused;
    if (!b)
        return NULL;
    py_books_of(op)->is_busy = true;
    Py_BEGIN_ALLOW_THREADS(void)
    rl_books_check(b, &what);
    Py_END_ALLOW_THREADS
    py_books_of(op)->is_busy = false;
    if (what)
        return PyUnicode_FromString(what);
    Py_RETURN_NONE;
}

static PyObject *books_counters(PyObject *op, PyObject *unused)
{
    static const char *const names[] = {
#define X(name, text) #name,
        RL_BOOKS_COUNTERS(X)
#undef X
    };
    struct rl_books *b = books_idle(op);

    (void)unused;
    if (!b)
        return NULL;
    return core_counters(names, (const uint64_t *)&b->n, RL_COUNT(names));
}

/* --- all methods ------------------------------------------------------------------------------ */

PyDoc_STRVAR(apply_doc, "apply($self, /, updates, changed)\n--\n\n"
                        "Apply updates in order; changed[i]: the best of its book changed.");
PyDoc_STRVAR(bbo_doc, "bbo($self, /, out)\n--\n\nout[i] = best bid and offer of instrument i.");
PyDoc_STRVAR(depth_doc, "depth($self, /, instrument, side, out)\n--\n\n"
                        "Fill out with the best levels of a side, best first; how many.");
PyDoc_STRVAR(find_doc, "find($self, /, instrument, id)\n--\n\n"
                       "(side, px_nano, qty) of a live order, or None.");
PyDoc_STRVAR(queue_rank_doc, "queue_rank($self, /, instrument, id)\n--\n\n"
                             "How many orders stand before this one at its price, or None.");
PyDoc_STRVAR(n_doc, "n($self, /, instrument)\n--\n\n"
                    "(bid levels, ask levels, bid orders, ask orders).");
PyDoc_STRVAR(qty_at_doc, "qty_at($self, instrument, side, px_nano, /)\n--\n\n"
                         "The quantity of a side at a price; 0 when nobody is there.");
PyDoc_STRVAR(take_doc, "take($self, instrument, side, qty, /)\n--\n\n"
                       "(qty that is there, notional >> 64, notional % 2**64, average px_nano).");
PyDoc_STRVAR(queue_doc, "queue($self, /, instrument, side, px_nano, out)\n--\n\n"
                        "Fill out with the orders at a price, first in line first; how many.");
PyDoc_STRVAR(state_doc, "state($self, instrument, /)\n--\n\n"
                        "'empty', 'one-sided', 'open', 'locked' or 'crossed'.");
PyDoc_STRVAR(view_doc, "view($self, /)\n--\n\n"
                       "The BookViews of these books, always the same one.");
PyDoc_STRVAR(hash_doc, "hash($self, /)\n--\n\n"
                       "The state as 64 bits, whatever the order in which it came to be.");
PyDoc_STRVAR(check_doc, "check($self, /)\n--\n\n"
                        "What is wrong inside, as a sentence; None when nothing is.");
PyDoc_STRVAR(counters_doc, "counters($self, /)\n--\n\nWhat was seen so far, by name.");
PyMethodDef books_methods[] = {
    {"apply", RL_PY_KEYWORDS(books_apply), apply_doc},
    {"bbo", RL_PY_KEYWORDS(books_bbo), bbo_doc},
    {"depth", RL_PY_KEYWORDS(books_depth), depth_doc},
    {"find", RL_PY_KEYWORDS(books_find), find_doc},
    {"queue_rank", RL_PY_KEYWORDS(books_queue_rank), queue_rank_doc},
    {"n", RL_PY_KEYWORDS(books_n), n_doc},
    {"qty_at", books_qty_at, METH_VARARGS, qty_at_doc},
    {"take", books_take, METH_VARARGS, take_doc},
    {"queue", RL_PY_KEYWORDS(books_queue), queue_doc},
    {"state", books_state, METH_VARARGS, state_doc},
    {"view", books_view, METH_NOARGS, view_doc},
    {"hash", books_hash, METH_NOARGS, hash_doc},
    {"check", books_check, METH_NOARGS, check_doc},
    {"counters", books_counters, METH_NOARGS, counters_doc},
    {NULL, NULL, 0, NULL},
};
