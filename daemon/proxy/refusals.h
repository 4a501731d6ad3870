/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Refusals: agents that reset a request's stream before they saw it, their backlog being full.
 * Nothing of the request has happened, whatever its method is, so that it goes through another one;
 * when there is none, it pauses, parked, and begins a new round among all of them. The time for
 * opening bounds all rounds together. One worker at a time. */
#pragma once

#include "daemon/proxy/proxy-priv.h"

#define REFUSALS_MAX 8 /* agents of one round */

#define REFUSED_TEXT "the agent takes no more connections now (overloaded)"

typedef struct
{
  int64_t agents[REFUSALS_MAX]; /* of this round: not to be asked again */
  unsigned n;
  unsigned n_rounds;   /* that ended in a pause */
  int64_t deadline_us; /* no round begins later; 0: nobody has refused yet */
  int64_t resume_us;   /* the end of the pause; 0: none is under way */
} Refusals;

/* since_us: when that agent was asked. req->target is the one that it was asked for. */
void refusals_note (Refusals *refusals, const Request *req, int64_t agent_id, int64_t since_us);

/* Nobody else is left in this round. STEP_PARK: a pause, then refusals_resume (); STEP_MORE: a
 * pause was spent here; STEP_DONE: the time is over, which was answered, or the client left. */
Step refusals_pause (Refusals *refusals, Request *req);
/* After STEP_PARK; answers likewise. */
Step refusals_resume (Refusals *refusals, Request *req, P2pWake wake);
