/*
 * The careful walk: what is wrong with a message, as QuickFIX would say it.
 *
 * QuickFIX sorts a message into header, body and trailer by tag, then looks for errors in this
 * order: a part out of order; the message type; what is required of header, trailer, body, groups;
 * then header, trailer and body field by field, ascending by tag - twice the same tag, format,
 * value, unknown tag, tag not for this type, count of a group. The first error is what it reports
 * (DataDictionary.cpp and Message.cpp there). Here the fields stay where they are: every
 * error gets a key that sorts in that order, and the least is kept. One walk, no memory.
 *
 * QuickFIX (1.16) and this differ in that this looks
 *  - inside groups, nested ones and the header's too: values, counts, order, and what an entry
 *    requires, also of a group that is optional itself;
 *  - at the calendar (no 30 February), at types that are dates and times, and for raw data right
 *    behind its length; and lets integers have 18 digits where QuickFIX has 32 bits;
 *  - at a count field that comes twice, one by one: 16 when the first is wrong, else 13, where
 *    QuickFIX compares the first with the entries of both.
 *
 * Inside groups QuickFIX looks at nothing but their split into entries. Errors there come right
 * behind those of the count field: a field before the delimiter or out of its order (15), and
 * whatever is wrong with a value; a field that an entry lacks comes with what is required.
 */
#include "market/fix/dict_inner.h"

/* The order of errors. */
enum phase {
    STRUCTURE,
    TYPE,
    NEED_HEADER,
    NEED_TRAILER,
    NEED_BODY,
    NEED_GROUP,
    HEADER,
    TRAILER,
    BODY,
    SEQUENCE,
    NAMES,
};

/* ... of one field. */
enum { TWICE, FORMAT, VALUE, TAG, DATA, ORDER, COUNT, VERSION };

#define MAX_LET_BY 256 /* unknown tags that are let by and remembered, to see one that is twice */

struct walk {
    const struct rl_fix_dict *d;
    struct rl_fix_msg *m;
    uint64_t least; /* key of the error below; UINT64_MAX: none */
    enum rl_fix_reason reason;
    uint32_t ref_tag, ref_off;
    const char *what;
    uint32_t n_let_by;
    uint32_t let_by[MAX_LET_BY];
};

/* 4 bits of phase, 31 of a tag, 24 of a place among the fields, 4 of a check: fields are fewer than
 * bytes, and a message has at most RL_FIX_MAX_MESSAGE of those. */
static uint64_t key(enum phase phase, uint32_t tag, uint32_t at, uint32_t check)
{
    return (uint64_t)phase << 59 | (uint64_t)tag << 28 | (uint64_t)at << 4 | check;
}
_Static_assert(RL_FIX_MAX_MESSAGE <= 1u << 23, "a place fits into 24 bits");

static void found(struct walk *w, uint64_t its_key, uint32_t reason, uint32_t tag, uint32_t off,
                  const char *what)
{
    if (its_key >= w->least)
        return;
    w->least = its_key;
    w->reason = (enum rl_fix_reason)reason;
    w->ref_tag = tag;
    w->ref_off = off;
    w->what = what;
}

/* Where the field begins: its tag. */
static uint32_t begin_of(const struct rl_fix_field *f)
{
    uint32_t n_digits = 1;

    for (uint32_t tag = f->tag; tag > 9; tag /= 10)
        n_digits++;
    return f->off - 1 - n_digits;
}

/* 8, 9 and 35 come first in QuickFIX's header, and 10 last in its trailer. */
static uint32_t sort_tag(uint32_t tag)
{
    switch (tag) {
    case RL_FIX_BeginString:
        return 0;
    case RL_FIX_BodyLength:
        return 1;
    case RL_FIX_MsgType:
        return 2;
    case RL_FIX_CheckSum:
        return INT32_MAX;
    default:
        return tag;
    }
}

/* --- values ----------------------------------------------------------------------------------- */

/* Format, then value. `e` may be what the dictionary knows of a tag that is in the wrong place. */
static void look_at_value(struct walk *w, uint64_t base, const struct rl_fix_member *e,
                          const struct rl_fix_field *f)
{
    const uint8_t *s = w->m->bytes + f->off;

    if (f->len == 0) /* only where the caller allows it */
        return;
    if (!rl_fix_type_holds(rl_fix_type_of(e), s, f->len))
        found(w, base | FORMAT, RL_FIX_BAD_FORMAT, f->tag, f->off, "a value is not of its type");
    else if (!rl_fix_is_listed(w->d, e, s, f->len))
        found(w, base | VALUE, RL_FIX_WRONG_VALUE, f->tag, f->off,
              "a value is none of those that are listed");
}

static void look_at_data(struct walk *w, uint64_t base, const struct rl_fix_member *e,
                         const struct rl_fix_field *f)
{
    if (rl_fix_is_data(e) && f[-1].tag != e->values)
        found(w, base | DATA, RL_FIX_REQUIRED_MISSING, e->values, begin_of(f),
              "raw data does not follow its length");
}

/* --- groups ----------------------------------------------------------------------------------- */

/* What the count says; INT64_MAX when it is no number. */
static int64_t count_of(const struct rl_fix_msg *m, const struct rl_fix_field *f)
{
    const uint8_t *s = m->bytes + f->off;
    int64_t count = 0;

    if (f->len == 0 || !rl_fix_type_holds(RL_FIX_T_INT, s, f->len))
        return INT64_MAX;
    for (uint32_t i = s[0] == '-'; i < f->len; i++)
        count = count * 10 + (s[i] - '0');
    return s[0] == '-' ? -count : count;
}

/* Of one entry the lowest tag, as in QuickFIX's sorted set. */
static void look_at_entry(struct walk *w, uint32_t count_tag, const struct rl_fix_scope *group,
                          const uint64_t *seen, uint32_t from)
{
    uint32_t least = UINT32_MAX;

    for (uint32_t k = 0; k < group->n_words; k++) {
        for (uint64_t lacks = group->required[k] & ~seen[k]; lacks != 0; lacks &= lacks - 1) {
            uint32_t tag = group->tags[64 * k + (uint32_t)__builtin_ctzll(lacks)];

            least = tag < least ? tag : least;
        }
    }
    if (least != UINT32_MAX)
        found(w, key(NEED_GROUP, count_tag, from, 0), RL_FIX_REQUIRED_MISSING, least,
              begin_of(&w->m->fields[from]), "an entry of a group lacks a required field");
}

/*
 * The entries from the field `i` on; where the group ends. As QuickFIX splits them: an entry begins
 * with the delimiter, or with any member when there is no entry yet or it has that member already.
 */
static uint32_t look_at_group(struct walk *w, enum phase phase, uint32_t count_tag,
                              const struct rl_fix_scope *group, uint32_t count_at)
{
    const struct rl_fix_field *count = &w->m->fields[count_at];
    bool is_ordered = !(w->d->flags & RL_FIX_ANY_GROUP_ORDER);
    uint64_t seen[RL_FIX_DICT_WIDTH / 64] = {0};
    uint32_t i = count_at + 1, last = w->m->n_fields - 1, from = i, at = 0;
    int64_t n_entries = 0, n_claimed = count_of(w->m, count);

    while (i < last) {
        const struct rl_fix_field *f = &w->m->fields[i];
        const struct rl_fix_member *e = rl_fix_scope_get(group, f->tag);
        uint64_t base = key(phase, count_tag, i, 0);

        if (!e)
            break;
        if (e->at == 0 || n_entries == 0 || rl_fix_bit(seen, e->at)) {
            if (n_entries > 0)
                look_at_entry(w, count_tag, group, seen, from);
            n_entries++;
            from = i;
            memset(seen, 0, sizeof(seen));
            if (e->at != 0 && is_ordered)
                found(w, base | ORDER, RL_FIX_GROUP_ORDER, f->tag, begin_of(f),
                      "an entry of a group does not begin with its first field");
        } else if (e->at < at && is_ordered) {
            found(w, base | ORDER, RL_FIX_GROUP_ORDER, f->tag, begin_of(f),
                  "a field of a group is out of its order");
        }
        at = e->at;
        rl_fix_bit_set(seen, at);
        look_at_value(w, base, e, f);
        look_at_data(w, base, e, f);
        i++;
        if (e->group != 0)
            i = look_at_group(w, phase, count_tag, &w->d->groups[e->group - 1], i - 1);
    }
    if (n_entries > 0)
        look_at_entry(w, count_tag, group, seen, from);
    if (n_entries != n_claimed)
        found(w, key(phase, count_tag, count_at, COUNT), RL_FIX_GROUP_COUNT, count->tag, count->off,
              "a group has another number of entries than its count");
    return i;
}

/* --- the whole message ------------------------------------------------------------------------ */

static void look_for_required(struct walk *w, const struct rl_fix_scope *kind, const uint64_t *seen,
                              bool is_header_only)
{
    static const enum phase phases[] = {NEED_HEADER, NEED_BODY, NEED_TRAILER};
    uint32_t end = begin_of(&w->m->fields[w->m->n_fields - 1]); /* it could still have come here */

    for (uint32_t k = 0; k < kind->n_words; k++) {
        for (uint64_t lacks = kind->required[k] & ~seen[k]; lacks != 0; lacks &= lacks - 1) {
            uint32_t tag = kind->tags[64 * k + (uint32_t)__builtin_ctzll(lacks)];
            uint8_t part = rl_fix_scope_find(kind, tag)->part;

            if (is_header_only && part != RL_FIX_IN_HEADER)
                continue;
            found(w, key(phases[part], tag, 0, 0), RL_FIX_REQUIRED_MISSING, tag, end,
                  "a required field is missing");
        }
    }
}

/* What the dictionary knows of a tag for messages of that kind: NULL, nothing. */
static const struct rl_fix_member *known_to(const struct walk *w, const struct rl_fix_scope *kind,
                                            uint32_t tag)
{
    const struct rl_fix_member *e = rl_fix_scope_get(&w->d->fields, tag);

    return e && e->part == RL_FIX_OF_APPLICATION && kind->is_admin ? NULL : e;
}

/*
 * A tag that headers of other versions have is sorted into the header, where it is found before
 * anything that is wrong with the body.
 */
static bool is_of_a_header(uint32_t tag)
{
    static const uint16_t tags[] = {43,  50,  57,  90,  97,  115, 116, 122, 128, 129,  142,
                                    143, 144, 145, 212, 213, 347, 369, 370, 627, 1128, 1129};

    for (uint32_t i = 0; i < RL_COUNT(tags); i++)
        if (tags[i] == tag)
            return true;
    return false;
}

/* A tag that is not among the members of the type. True when it is let by. */
static bool look_at_stranger(struct walk *w, uint64_t base, const struct rl_fix_scope *kind,
                             const struct rl_fix_field *f)
{
    uint32_t flag = f->tag >= RL_FIX_USER_TAG ? RL_FIX_ANY_USER_TAG : RL_FIX_ANY_TAG;
    const struct rl_fix_member *known = known_to(w, kind, f->tag);
    bool says_undefined = w->d->flags & RL_FIX_SAY_UNDEFINED;

    if (known)
        look_at_value(w, base, known, f);
    if (w->d->flags & flag)
        return true;
    if (known)
        found(w, base | TAG, RL_FIX_NOT_FOR_THIS_TYPE, f->tag, begin_of(f),
              "a tag is not defined for this message type");
    else
        found(w, base | TAG, says_undefined ? RL_FIX_UNDEFINED_TAG : RL_FIX_INVALID_TAG, f->tag,
              begin_of(f), "a tag is not in the dictionary");
    return false;
}

/* One that is let by may not come twice either. */
static void remember(struct walk *w, uint64_t base, const struct rl_fix_field *f)
{
    for (uint32_t k = 0; k < w->n_let_by; k++) {
        if (w->let_by[k] != f->tag)
            continue;
        found(w, base | TWICE, RL_FIX_TAG_TWICE, f->tag, begin_of(f), "a tag appears twice");
        return;
    }
    if (w->n_let_by == MAX_LET_BY)
        found(w, base | TWICE, RL_FIX_OTHER, f->tag, begin_of(f),
              "more unknown tags than can be remembered");
    else
        w->let_by[w->n_let_by++] = f->tag;
}

/*
 * QuickFIX leaves that to the session, which looks after the dictionary. A SequenceReset may have
 * any number, since nobody reads it (session test case 11).
 */
static void look_at_sequence(struct walk *w, const struct rl_fix_field *f)
{
    uint32_t n_zeros = 0;

    if (w->m->type == RL_FIX_TYPE1('4'))
        return;
    while (n_zeros < f->len && w->m->bytes[f->off + n_zeros] == '0')
        n_zeros++;
    if (n_zeros == f->len)
        found(w, key(SEQUENCE, 0, 0, 0), RL_FIX_WRONG_VALUE, f->tag, f->off, "MsgSeqNum is 0");
}

/* `kind`: the message's, or kinds[0] when only header and trailer can be looked at. */
static void look_at_all(struct walk *w, const struct rl_fix_scope *kind, bool is_header_only)
{
    static const enum phase phases[] = {HEADER, BODY, TRAILER};
    bool is_ordered = !(w->d->flags & RL_FIX_ANY_ORDER);
    uint64_t seen[RL_FIX_DICT_WIDTH / 64] = {0};
    uint32_t now = RL_FIX_IN_HEADER;

    for (uint32_t i = 0; i < w->m->n_fields;) {
        const struct rl_fix_field *f = &w->m->fields[i];
        const struct rl_fix_member *e = rl_fix_scope_get(kind, f->tag);
        uint32_t part = e ? e->part : RL_FIX_IN_BODY;
        uint64_t base;

        if (!e && !is_header_only && is_of_a_header(f->tag) && !known_to(w, kind, f->tag))
            part = RL_FIX_IN_HEADER;
        base = key(phases[part], sort_tag(f->tag), i, 0);
        if (is_header_only && part != RL_FIX_IN_HEADER)
            break;
        if (part < now && is_ordered)
            found(w, key(STRUCTURE, 0, i, 0), RL_FIX_TAG_ORDER, f->tag, begin_of(f),
                  "a field is out of the order of header, body and trailer");
        if (part != RL_FIX_IN_HEADER)
            now = part;
        i++;
        if (!e) {
            if (look_at_stranger(w, base, kind, f))
                remember(w, base, f);
            continue;
        }
        if (rl_fix_bit(seen, e->at))
            found(w, base | TWICE, RL_FIX_TAG_TWICE, f->tag, begin_of(f), "a tag appears twice");
        rl_fix_bit_set(seen, e->at);
        look_at_value(w, base, e, f);
        look_at_data(w, base, e, f);
        if (part == RL_FIX_IN_HEADER && f->tag == RL_FIX_MsgSeqNum)
            look_at_sequence(w, f);
        if (e->group != 0)
            i = look_at_group(w, phases[part], sort_tag(f->tag), &w->d->groups[e->group - 1],
                              i - 1);
    }
    look_for_required(w, kind, seen, is_header_only);
}

/* The names that a session expects: the last that it looks at. */
static void look_at_names(struct walk *w, const struct rl_fix_dict *names)
{
    const struct rl_fix_field *sender = rl_fix_find(w->m, RL_FIX_SenderCompID, 3);
    const struct rl_fix_field *target = rl_fix_find(w->m, RL_FIX_TargetCompID, 3);
    const uint8_t *bytes = w->m->bytes;

    if (!names->expects_names)
        return;
    if (!sender || sender->len != names->n_sender ||
        memcmp(bytes + sender->off, names->sender, sender->len) != 0)
        found(w, key(NAMES, 0, 0, 0), RL_FIX_COMP_ID, 0, sender ? sender->off : 0,
              "SenderCompID is not the one expected");
    if (!target || target->len != names->n_target ||
        memcmp(bytes + target->off, names->target, target->len) != 0)
        found(w, key(NAMES, 1, 0, 0), RL_FIX_COMP_ID, 0, target ? target->off : 0,
              "TargetCompID is not the one expected");
}

static enum rl_fix_result reject(struct rl_fix_msg *m, uint32_t reason, uint32_t tag, uint32_t off,
                                 const char *what)
{
    m->reason = reason;
    m->ref_tag = tag;
    m->ref_off = off;
    m->what = what;
    return RL_FIX_REJECT;
}

/* ApplVerID in the header proper, which ends with the first field that is of no header. */
static const struct rl_fix_field *version_field(const struct rl_fix_dict *d,
                                                const struct rl_fix_msg *m)
{
    for (uint32_t i = 3; i < m->n_fields; i++) {
        const struct rl_fix_member *e = rl_fix_scope_get(&d->kinds[0], m->fields[i].tag);

        if (!e || e->part != RL_FIX_IN_HEADER)
            break;
        if (e->tag == RL_FIX_ApplVerID)
            return &m->fields[i];
    }
    return NULL;
}

const struct rl_fix_dict *rl_fix_dict_for(const struct rl_fix_dict *d, const struct rl_fix_msg *m)
{
    const struct rl_fix_field *f = version_field(d, m);
    uint8_t c;

    if (!f || d->appl_ver_id == 0 || rl_fix_dict_kind(d, m)->is_admin)
        return d;
    c = m->bytes[f->off];
    if (f->len == 1 && c == (uint8_t)d->appl_ver_id)
        return d;
    return f->len == 1 && c >= '0' && c <= '9' ? d->apps[c - '0'] : NULL;
}

enum rl_fix_result rl_fix_validate_carefully(const struct rl_fix_dict *d, struct rl_fix_msg *m,
                                             enum rl_fix_level level)
{
    const struct rl_fix_field *begin = &m->fields[0], *type = &m->fields[2];
    bool is_header_only = level == RL_FIX_LEVEL_HEADER;
    struct walk w;
    const struct rl_fix_scope *kind;

    if (level <= RL_FIX_LEVEL_CHECKSUM)
        return RL_FIX_OK;
    if (begin->len != d->n_begin_string ||
        memcmp(m->bytes + begin->off, &d->begin_string, begin->len) != 0)
        return reject(m, RL_FIX_OTHER, RL_FIX_BeginString, begin->off,
                      "BeginString is of another version than the dictionary");
    w.d = is_header_only ? d : rl_fix_dict_for(d, m);
    w.m = m;
    w.least = UINT64_MAX;
    w.n_let_by = 0;
    if (!w.d) {
        const struct rl_fix_field *f = version_field(d, m);

        /* Nothing is known of the body: only the header can be worse than this. */
        w.d = d;
        look_at_all(&w, d->kinds, true);
        found(&w, key(HEADER, RL_FIX_ApplVerID, (uint32_t)(f - m->fields), VERSION),
              RL_FIX_APPL_VERSION, RL_FIX_ApplVerID, f->off, "ApplVerID is not supported");
        return reject(m, w.reason, w.ref_tag, w.ref_off, w.what);
    }
    kind = is_header_only ? w.d->kinds : rl_fix_dict_kind(w.d, m);
    if (!is_header_only && kind == w.d->kinds)
        found(&w, key(TYPE, 0, 0, 0), RL_FIX_INVALID_TYPE, 0, type->off,
              "the message type is not in the dictionary");
    look_at_all(&w, kind, is_header_only);
    look_at_names(&w, d);
    if (w.least == UINT64_MAX)
        return RL_FIX_OK;
    return reject(m, w.reason, w.ref_tag, w.ref_off, w.what);
}

enum rl_fix_result rl_fix_check_sending_time(struct rl_fix_msg *m, uint64_t now_ns,
                                             uint64_t limit_ns)
{
    const struct rl_fix_field *f = rl_fix_find(m, RL_FIX_SendingTime, 3);
    uint64_t ns;

    if (f && rl_fix_read_time(m->bytes + f->off, f->len, &ns) &&
        (ns > now_ns ? ns - now_ns : now_ns - ns) <= limit_ns)
        return RL_FIX_OK;
    return reject(m, RL_FIX_SENDING_TIME, 0, f ? f->off : 0,
                  "SendingTime is too far from the time of day");
}

/* The words of the FIX specification, as QuickFIX sends them. */
const char *rl_fix_reason_text(uint32_t reason)
{
    static const char *const texts[] = {
        [RL_FIX_INVALID_TAG] = "Invalid tag number",
        [RL_FIX_REQUIRED_MISSING] = "Required tag missing",
        [RL_FIX_NOT_FOR_THIS_TYPE] = "Tag not defined for this message type",
        [RL_FIX_UNDEFINED_TAG] = "Undefined Tag",
        [RL_FIX_NO_VALUE] = "Tag specified without a value",
        [RL_FIX_WRONG_VALUE] = "Value is incorrect (out of range) for this tag",
        [RL_FIX_BAD_FORMAT] = "Incorrect data format for value",
        [RL_FIX_DECRYPTION] = "Decryption problem",
        [RL_FIX_SIGNATURE] = "Signature problem",
        [RL_FIX_COMP_ID] = "CompID problem",
        [RL_FIX_SENDING_TIME] = "SendingTime accuracy problem",
        [RL_FIX_INVALID_TYPE] = "Invalid MsgType",
        [RL_FIX_XML] = "XML validation error",
        [RL_FIX_TAG_TWICE] = "Tag appears more than once",
        [RL_FIX_TAG_ORDER] = "Tag specified out of required order",
        [RL_FIX_GROUP_ORDER] = "Repeating group fields out of order",
        [RL_FIX_GROUP_COUNT] = "Incorrect NumInGroup count for repeating group",
        [RL_FIX_SOH_IN_VALUE] = "Non \"data\" value includes field delimiter",
        [RL_FIX_APPL_VERSION] = "Invalid/Unsupported Application Version",
    };

    return reason < RL_COUNT(texts) && texts[reason] ? texts[reason] : "";
}
