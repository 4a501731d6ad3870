/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* An agent's place: who lost it to whom lately, and from that who has to wait for it, and whether
 * two instances fight over it (tunnel.md, "Who holds the place").
 *
 * Newest wins. But two programs with one id and token would take it from each other as fast as they
 * come back, so one that lost the place to another instance takes it back only when the other has
 * held it for PLACE_HOLD_MS. One that never lost it waits for nothing: a restarted agent is a new
 * instance. But one that lost it and has it again keeps it as long, whoever comes: it may be a
 * program that ends and is started again all the time.
 *
 * Values; the caller has the lock and gives the time (p2p_now_us ()). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PLACE_HOLD_MS 10000
#define PLACE_MEMORY_MS (5 * 60 * 1000)
#define PLACE_LOSSES_BORNE 3 /* between the same two within the memory: more is a problem */
#define PLACE_LOSSES_MAX 16  /* remembered: more than five minutes of holding bear between three */

typedef struct
{
  char instance[33]; /* "" when it sent none: then it is known by its address, without the port */
  char address[64];  /* with the port */
} PlaceHolder;

typedef struct
{
  PlaceHolder from, by;
  int64_t at_us;
} PlaceLoss;

typedef struct
{
  PlaceLoss losses[PLACE_LOSSES_MAX]; /* a ring */
  unsigned n_losses;                  /* ever */
} Place;

typedef struct
{
  PlaceHolder holders[2]; /* the one that has the place, the one that lost it last */
  int64_t since_us;       /* the first loss that counts */
} PlaceDispute;

/* Whether both are one program, as far as can be told. */
bool place_same_holder (const PlaceHolder *a, const PlaceHolder *b);

/* from has lost the place to by. Not to be called for one and the same holder. */
void place_note_loss (Place *place, const PlaceHolder *from, const PlaceHolder *by, int64_t now_us);

/* When newcomer may take the place from holder: 0 (at once) unless one of the two lost it lately.
 * place is (nullable). */
int64_t place_free_at_us (const Place *place,
                          const PlaceHolder *newcomer,
                          const PlaceHolder *holder,
                          int64_t now_us);

/* Whether two displace each other, or one of them is displaced again and again. place is
 * (nullable); ret_dispute is filled when they do. */
bool place_is_disputed (const Place *place, int64_t now_us, PlaceDispute *ret_dispute);
