/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Who lost an agent's place to whom. See place.h. */
#include "daemon/agents/place.h"

#include <glib.h>
#include <string.h>

/* The i-th newest loss, or NULL when there is none that is remembered. */
static const PlaceLoss *
loss_back (const Place *place, unsigned i, int64_t now_us)
{
  const PlaceLoss *loss;

  if (!place || i >= MIN (place->n_losses, PLACE_LOSSES_MAX))
    return NULL;
  loss = &place->losses[(place->n_losses - 1 - i) % PLACE_LOSSES_MAX];
  return now_us - loss->at_us < PLACE_MEMORY_MS * INT64_C (1000) ? loss : NULL;
}

bool
place_same_holder (const PlaceHolder *a, const PlaceHolder *b)
{
  const char *end_a = strrchr (a->address, ':');
  const char *end_b = strrchr (b->address, ':');

  if (*a->instance || *b->instance)
    return strcmp (a->instance, b->instance) == 0;
  return end_a && end_b && end_a - a->address == end_b - b->address
         && strncmp (a->address, b->address, (size_t) (end_a - a->address)) == 0;
}

void
place_note_loss (Place *place, const PlaceHolder *from, const PlaceHolder *by, int64_t now_us)
{
  g_assert (!place_same_holder (from, by));
  place->losses[place->n_losses++ % PLACE_LOSSES_MAX]
      = (PlaceLoss){ .from = *from, .by = *by, .at_us = now_us };
}

int64_t
place_free_at_us (const Place *place,
                  const PlaceHolder *newcomer,
                  const PlaceHolder *holder,
                  int64_t now_us)
{
  const PlaceLoss *last = loss_back (place, 0, now_us);
  const PlaceLoss *loss;

  for (unsigned i = 0; (loss = loss_back (place, i, now_us)); i++)
    if (place_same_holder (&loss->from, newcomer) || place_same_holder (&loss->from, holder))
      return last->at_us + PLACE_HOLD_MS * INT64_C (1000);
  return 0;
}

static bool
same_two (const PlaceLoss *a, const PlaceLoss *b)
{
  return (place_same_holder (&a->from, &b->from) && place_same_holder (&a->by, &b->by))
         || (place_same_holder (&a->from, &b->by) && place_same_holder (&a->by, &b->from));
}

bool
place_is_disputed (const Place *place, int64_t now_us, PlaceDispute *ret_dispute)
{
  const PlaceLoss *last = loss_back (place, 0, now_us);
  const PlaceLoss *loss;
  int64_t since_us = 0;
  unsigned n = 0;

  for (unsigned i = 0; (loss = loss_back (place, i, now_us)); i++)
    if (same_two (loss, last) || place_same_holder (&loss->from, &last->from))
      {
        n++;
        since_us = loss->at_us;
      }
  if (n <= PLACE_LOSSES_BORNE)
    return false;
  *ret_dispute = (PlaceDispute){ .holders = { last->by, last->from }, .since_us = since_us };
  return true;
}
