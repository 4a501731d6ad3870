/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the files of an exchange share: exchange.c (both directions and the one wait),
 * exchange-head.c (the heads of the origin's answers) and exchange-time.c (who has how much time).
 * One worker at a time. */
#pragma once

#include "daemon/proxy/exchange.h"
#include "daemon/proxy/pace.h"
#include "daemon/proxy/pipe.h"

typedef enum
{
  GOES_ON,
  COMPLETE,    /* the answer is out, whole, and nothing more is to be done about the request */
  UPGRADED,    /* 101 is out */
  CLIENT_GONE, /* nobody to answer */
  BROKEN,      /* the answer began and cannot be ended */
  FAILED,      /* no answer began: one of ours goes out, see fail_status */
  STALE,
  UNSEEN,
  PARK, /* nothing to do until the origin speaks */
} Outcome;

struct Exchange
{
  Request *req;
  Upstream *up;
  Pipe up_pipe;   /* client to origin */
  Pipe down_pipe; /* origin to client */
  bool may_repeat;  /* no byte of an answer has come, and the request may be sent again if all of it
                       is still here */
  bool upgrade;     /* the client's Upgrade went out */
  bool up_done;     /* the request is out, whole */
  bool up_broken;   /* the origin takes no more of it */
  bool answering;   /* the head of the final answer is queued */
  bool answered;    /* the answer is out, whole */
  bool try_origin;  /* the origin has something to read */
  bool try_client;  /* the client has, or left */
  bool asked;       /* the answer was asked for by p2p_stream_read_soon () */
  bool was_patient; /* the answer was waited for once without an eye on the client */
  bool one_eyed;    /* and it was parked for that: only the origin is watched */
  bool must_stay;   /* the pool stops: it is not parked any more */
  bool watch;       /* there is room for what the client sends meanwhile */
  bool close_after; /* the client's connection ends with this answer */
  size_t n_back;    /* ws->back[0..n_back): of the head that is being read */
  size_t scanned;
  P2pSpan interim; /* of a 1xx head, to be written before anything else goes down */
  int64_t connect_timeout_us, header_timeout_us, idle_timeout_us;
  int64_t start_us;   /* 0: it has not waited yet */
  int64_t refused_by; /* UNSEEN: the agent */
  uint64_t
      n_interim; /* bytes of 1xx heads so far: after one the client need not wait with its body */
  /* exchange-time.c */
  int64_t last_move_us;
  int64_t asked_us; /* 0, or when the request was out, whole: from there on the head has its time */
  uint64_t last_moved;
  Pace up_pace, down_pace;
  bool client_sends; /* it is the client that the wait is for: its body's next bytes */
  bool client_takes; /* or that it takes those of the answer */
  bool looked;       /* once since the last move, what the kernel holds for the client: */
  int64_t unsent;
  unsigned fail_status;
  const char *fail_detail; /* (static) */
};

/* COMPLETE when the answer is out already, BROKEN when it has begun, else FAILED with what to
 * answer. detail: static. */
Outcome exchange_fail (Exchange *ex, unsigned status, const char *detail);

/* Whether the thread sleeps until the origin answers, for some milliseconds: once, and as long as
 * it would not be missed elsewhere. Otherwise parking costs less. */
bool exchange_has_patience (const Exchange *ex);

/* Before a wait, whose client_want is known: notes what moved since the last one. GOES_ON, or the
 * client is too slow. */
Outcome exchange_note_moves (Exchange *ex, unsigned client_want);
/* Until when that wait may last. */
int64_t exchange_deadline (const Exchange *ex);
/* It has lasted so long. GOES_ON: the client is slow and not too slow. */
Outcome exchange_timed_out (Exchange *ex);

/* Reads and looks, until a head is queued or there is nothing to read. */
Outcome exchange_read_heads (Exchange *ex, unsigned *origin_want);

/* Goes on with a 1xx head that is on its way to the client. */
Outcome exchange_write_interim (Exchange *ex, unsigned *client_want);
