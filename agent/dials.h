/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Tries to reach the daemon, several at a time: the next one begins while the one before may still
 * hang on a path that has gone, and the first that is through wins. They connect beside each other
 * and ask for the tunnel one after the other, so that the daemon never sees two. Each is a thread
 * of its own, for ten seconds at most: streams that keep all workers busy hold up no try. The main
 * thread alone calls; nothing but dials_done () blocks. */
#pragma once

#include "agent/dial.h"

/* ring: called on a try's thread when it is over; must not block. */
void dials_init (void (*ring) (void));
/* Stops all and joins them. */
void dials_done (void);

/* False: too many are under way, or no thread can be made. */
bool dials_start (void);
/* Whether there are tries of which something will be heard yet. */
bool dials_are_under_way (void);
/* Those under way are stopped and forgotten; nothing is heard of them. */
void dials_stop (void);

typedef struct
{
  DialResult result;
  P2pStream *strm; /* (owned) DIAL_OK */
  char *why;       /* (owned) otherwise: a sentence for the log */
} DialOutcome;

/* The outcome of one that is over; false: there is none. After DIAL_OK the others are stopped. */
bool dials_take (DialOutcome *ret_outcome);
