/*
 * Devices that publish, write checkpoints and collect in one vault, each in its own copy of the folder,
 * with a sync client between the copies. See README.md.
 *
 *   -DDEVICES=2|3   how many there are
 *   -DLOGS=n        how many log objects each publishes after the beginning
 *   -DAWAY          the last device may be away for longer than the history period
 *   -DUNKNOWN       and has published nothing before the beginning
 *   -DGROUND        a checkpoint takes the place of log objects only if all that comes after it was
 *                   written on it
 *   -DKNOWN_SEEN    nothing goes before every device that has written is known, by its last log
 *                   object, to have seen what makes it unneeded
 *   -DSKIP_GONE     but for those whose last log object is gone where somebody collects
 */

#ifndef DEVICES
#define DEVICES 2
#endif
#ifndef LOGS
#define LOGS 2
#endif

#ifdef AWAY
#define PUNCTUAL (DEVICES - 1)
#else
#define PUNCTUAL DEVICES
#endif

/* Whom collectors know of. */
#ifdef UNKNOWN
#define HEARD_OF (DEVICES - 1)
#else
#define HEARD_OF DEVICES
#endif

/* An object in one device's copy of the folder. A deletion travels as an object does. */
#define ABSENT 0
#define PRESENT 1
#define DELETED 2

/* What a log object tells. */
#define NOTHING 0
#define WORK 1          /* changes what others may change, too: both must be merged */
#define OVERWRITE 2     /* the one file that has the pack's content is overwritten: nothing needs the pack */
#define COPY 3          /* a file that shares the pack's content is made: it is needed from now on */

/* Checkpoints: one of each device, and the one that is there in the beginning. */
#define FIRST DEVICES
#define CHECKPOINTS (DEVICES + 1)

#define LOG(device, nth) ((device) * LOGS + (nth) - 1)

typedef Frontier { byte at[DEVICES] };
typedef Folder {
    byte log[DEVICES * LOGS];
    byte checkpoint[CHECKPOINTS];
    byte pack
};

Folder folder[DEVICES];
Frontier seen[DEVICES];                 /* what a device shows */
byte waiting[DEVICES];                  /* what it has done and not published */
byte published[DEVICES];                /* how many log objects it has */
byte tells[DEVICES * LOGS];
Frontier written_on[DEVICES * LOGS];    /* what a log object's author had seen */
Frontier covers[CHECKPOINTS];

/* `result` is whether the frontier `inner` is within `outer`. */
inline within(inner, outer) {
    result = true;
    for (x : 0 .. DEVICES - 1) {
        if :: inner.at[x] > outer.at[x] -> result = false :: else fi
    }
}

/* `result` is whether device `d` has seen a log object that tells this. */
inline has_seen(d, what) {
    result = false;
    for (e : 0 .. DEVICES - 1) {
        for (n : 1 .. LOGS) {
            if
            :: n <= seen[d].at[e] && tells[LOG(e, n)] == what -> result = true
            :: else
            fi
        }
    }
}

/*
 * Whether collector `d` may take for granted that everybody has seen `mark`. The history period sees to
 * those who sync in time; KNOWN_SEEN asks the last log object of every other device.
 */
inline is_past(d, mark) {
    past = true;
    for (e : 0 .. PUNCTUAL - 1) {
        within(mark, seen[e]);
        past = past && result;
        /* What they published before they had seen it has arrived as well. */
        for (n : 1 .. LOGS) {
            if
            :: n <= published[e] && n > seen[d].at[e] ->
                within(mark, written_on[LOG(e, n)]);
                past = past && result
            :: else
            fi
        }
    }
#ifdef KNOWN_SEEN
    for (e : 0 .. HEARD_OF - 1) {
        if
        :: e == d
        :: e != d && seen[d].at[e] == 0 ->
            /* The last that is known of it is from the beginning. */
            for (x : 0 .. DEVICES - 1) { past = past && mark.at[x] == 0 }
        :: e != d && seen[d].at[e] > 0 && folder[d].log[LOG(e, seen[d].at[e])] != PRESENT ->
#ifdef SKIP_GONE
            skip
#else
            /* It has gone on, and who knows what it has seen. */
            past = false
#endif
        :: else ->
            within(mark, written_on[LOG(e, seen[d].at[e])]);
            past = past && (result)
        fi
    }
#endif
}

/* One step of device `d`. Any other device's step, and a crash, may come between any two. */
inline step(d) {
    if
    /* It does something, on what it shows. */
    :: waiting[d] == NOTHING && published[d] < LOGS ->
        d_step {
            has_seen(d, OVERWRITE); overwritten = result;
            has_seen(d, COPY); copied = result;
            skip
        }
        skip;
        if
        :: waiting[d] = WORK
        :: d == 0 && !overwritten -> waiting[d] = OVERWRITE
        :: !overwritten || copied -> waiting[d] = COPY
        fi;
        printf("device %d does something (%d)\n", d, waiting[d])
    /* It publishes that. */
    :: waiting[d] != NOTHING -> d_step {
        published[d]++;
        tells[LOG(d, published[d])] = waiting[d];
        for (x : 0 .. DEVICES - 1) { written_on[LOG(d, published[d])].at[x] = seen[d].at[x] }
        seen[d].at[d] = published[d];
        folder[d].log[LOG(d, published[d])] = PRESENT;
        printf("device %d publishes its log object %d\n", d, published[d]);
        waiting[d] = NOTHING;
          skip
      }
    /* It takes in what another has published; what it has done itself is published before. */
    :: waiting[d] == NOTHING -> d_step {
        for (e : 0 .. DEVICES - 1) {
            if
            :: seen[d].at[e] < published[e] && folder[d].log[LOG(e, seen[d].at[e] + 1)] == PRESENT ->
                within(written_on[LOG(e, seen[d].at[e] + 1)], seen[d]);
                if :: result ->
                    seen[d].at[e]++;
                    printf("device %d takes in log object %d of device %d\n", d, seen[d].at[e], e)
                :: else fi
            :: else
            fi
        }
        /* What has gone already stands in a checkpoint that has arrived. */
        for (c : 0 .. CHECKPOINTS - 1) {
            if
            :: folder[d].checkpoint[c] == PRESENT ->
                within(seen[d], covers[c]);
                for (x : 0 .. DEVICES - 1) {
                    if :: result -> seen[d].at[x] = covers[c].at[x] :: else fi
                }
            :: else
            fi
        };
          skip
      }
    /* It writes its checkpoint. */
    :: waiting[d] == NOTHING && folder[d].checkpoint[d] == ABSENT -> d_step {
        for (x : 0 .. DEVICES - 1) { covers[d].at[x] = seen[d].at[x] }
        printf("device %d writes its checkpoint\n", d);
        folder[d].checkpoint[d] = PRESENT;
          skip
      }
    /* Collecting, it removes one object: the pack … */
    :: waiting[d] == NOTHING && folder[d].pack == PRESENT -> d_step {
        has_seen(d, COPY); copied = result;
        has_seen(d, OVERWRITE); overwritten = result;
        for (n : 1 .. LOGS) {
            if
            :: n <= seen[d].at[0] && tells[LOG(0, n)] == OVERWRITE -> mark.at[0] = n
            :: else
            fi
        }
        is_past(d, mark);
        if :: overwritten && !copied && past ->
            folder[d].pack = DELETED;
            printf("device %d removes the pack\n", d)
        :: else
        fi;
          skip
      }
    /* … or a log object or checkpoint that is older than a checkpoint which is not the newest. */
    :: waiting[d] == NOTHING ->
        select (base : 0 .. CHECKPOINTS - 1);
        select (newer : 0 .. CHECKPOINTS - 1);
        select (victim : 0 .. DEVICES * LOGS + CHECKPOINTS - 1);
        skip;
        d_step {
            is_past(d, covers[base]);
            within(covers[base], covers[newer]);
            may = result && past && base != newer &&
                folder[d].checkpoint[base] == PRESENT && folder[d].checkpoint[newer] == PRESENT;
            within(covers[base], seen[d]); may = may && result;
            within(covers[newer], seen[d]); may = may && result;
#ifdef GROUND
            for (e : 0 .. DEVICES - 1) {
                for (n : 1 .. LOGS) {
                    if
                    :: n <= seen[d].at[e] && n > covers[base].at[e] ->
                        within(covers[base], written_on[LOG(e, n)]);
                        may = may && result
                    :: else
                    fi
                }
            }
#endif
            if
            :: may && victim < DEVICES * LOGS ->
                if
                :: victim % LOGS + 1 <= covers[base].at[victim / LOGS] &&
                    folder[d].log[victim] == PRESENT ->
                    folder[d].log[victim] = DELETED;
                    printf("device %d removes log object %d of device %d by checkpoint %d\n",
                        d, victim % LOGS + 1, victim / LOGS, base)
                :: else
                fi
            :: may && victim >= DEVICES * LOGS ->
                c = victim - DEVICES * LOGS;
                within(covers[base], covers[c]);
                older = !result;
                within(covers[c], covers[base]);
                if
                :: older && result && folder[d].checkpoint[c] == PRESENT ->
                    folder[d].checkpoint[c] = DELETED;
                    printf("device %d removes checkpoint %d by checkpoint %d\n", d, c, base)
                :: else
                fi
            :: else
            fi;
            c = 0;
            skip
        }
    fi
}

/* An object or a deletion comes from one copy of the folder to another. */
inline arrive(from, to) {
    from != to;
    if
    :: select (victim : 0 .. DEVICES * LOGS - 1);
       if
       :: folder[from].log[victim] > folder[to].log[victim] ->
            folder[to].log[victim] = folder[from].log[victim]
       :: else
       fi
    :: select (c : 0 .. CHECKPOINTS - 1);
       if
       :: folder[from].checkpoint[c] > folder[to].checkpoint[c] ->
            folder[to].checkpoint[c] = folder[from].checkpoint[c]
       :: else
       fi;
       c = 0
    :: folder[from].pack > folder[to].pack -> folder[to].pack = folder[from].pack
    fi
}

/* `same` is whether nothing is under way or waits. */
inline is_at_rest() {
    same = true;
    for (e : 0 .. DEVICES - 1) {
        same = same && waiting[e] == NOTHING && folder[e].pack == folder[0].pack;
        for (n : 0 .. DEVICES * LOGS - 1) {
            same = same && folder[e].log[n] == folder[0].log[n]
        }
        for (c : 0 .. CHECKPOINTS - 1) {
            same = same && folder[e].checkpoint[c] == folder[0].checkpoint[c]
        }
    }
}

/*
 * `result` is whether there is a checkpoint that everything after it was written on, and everything
 * after it is there: only then does a fold merge what was done at the same time, as it did on the
 * devices that have seen it come.
 */
inline has_ground() {
    result = false;
    for (c : 0 .. CHECKPOINTS - 1) {
        good = folder[0].checkpoint[c] == PRESENT;
        for (e : 0 .. DEVICES - 1) {
            for (n : 1 .. LOGS) {
                if
                :: good && n <= published[e] && n > covers[c].at[e] ->
                    good = folder[0].log[LOG(e, n)] == PRESENT;
                    for (x : 0 .. DEVICES - 1) {
                        good = good && covers[c].at[x] <= written_on[LOG(e, n)].at[x]
                    }
                :: else
                fi
            }
        }
        result = result || good
    }
}

active proctype all() {
    /* Scratch, set to nothing between steps. */
    byte x, e, n, c, d, from, to, base, newer, victim;
    bool result, past, may, older, overwritten, copied, same, good, removed;
    Frontier mark;
    d_step {
        for (d : 0 .. DEVICES - 1) {
            folder[d].checkpoint[FIRST] = PRESENT;
            folder[d].pack = PRESENT
        }
        d = 0;
        skip
    }
    do
    :: atomic {
        if
        :: select (d : 0 .. DEVICES - 1); step(d)
        :: select (from : 0 .. DEVICES - 1); select (to : 0 .. DEVICES - 1); arrive(from, to)
        fi;
        skip;
        d_step {
            /* I7: whatever needs the pack, published or not, it is not removed anywhere. */
            removed = false;
            copied = false;
            for (e : 0 .. DEVICES - 1) {
                removed = removed || folder[e].pack == DELETED;
                copied = copied || waiting[e] == COPY;
                for (n : 1 .. LOGS) {
                    copied = copied || (n <= published[e] && tells[LOG(e, n)] == COPY)
                }
            }
            assert(!(removed && copied));
            /* I3: when everything has arrived, everybody folds it alike. */
            is_at_rest();
            has_ground();
            assert(!same || result);
            x = 0; e = 0; n = 0; c = 0; d = 0; from = 0; to = 0; base = 0; newer = 0; victim = 0;
            result = false; past = false; may = false; older = false; overwritten = false;
            copied = false; same = false; good = false; removed = false;
            for (x : 0 .. DEVICES - 1) { mark.at[x] = 0 }
            x = 0;
            skip
        }
      }
    od
}
