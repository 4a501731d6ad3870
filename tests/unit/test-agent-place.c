/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Who has to wait for an agent's place, on a clock of the test's own. */
#include "daemon/agents/place.h"

#include <glib.h>
#include <string.h>

#define SECOND_US INT64_C (1000000)

static PlaceHolder
holder (const char *instance, const char *address)
{
  PlaceHolder made = { 0 };

  g_strlcpy (made.instance, instance, sizeof made.instance);
  g_strlcpy (made.address, address, sizeof made.address);
  return made;
}

static const struct
{
  const char *instance_a, *address_a, *instance_b, *address_b;
  bool same;
} pairs[] = {
  { "a", "192.0.2.1:10", "a", "192.0.2.2:20", true }, /* the instance, wherever it is */
  { "a", "192.0.2.1:10", "b", "192.0.2.1:10", false },
  { "a", "192.0.2.1:10", "", "192.0.2.1:10", false },
  { "", "192.0.2.1:10", "", "192.0.2.1:20", true }, /* the port is another with each connection */
  { "", "192.0.2.1:10", "", "192.0.2.10:10", false },
  { "", "[2001:db8::1]:10", "", "[2001:db8::1]:11", true },
  { "", "[2001:db8::1]:10", "", "[2001:db8::2]:10", false },
};

static void
test_holders (void)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      PlaceHolder a = holder (pairs[i].instance_a, pairs[i].address_a);
      PlaceHolder b = holder (pairs[i].instance_b, pairs[i].address_b);

      g_test_message ("row %u", i);
      g_assert_true (place_same_holder (&a, &b) == pairs[i].same);
      g_assert_true (place_same_holder (&b, &a) == pairs[i].same);
    }
}

/* n programs with one id and token: each comes back 0.1 s after it lost the place and then waits in
 * line as the registry has it. Ten minutes of that. */
static void
quarrel (unsigned n, bool is_disputed)
{
  static const char *const names[] = { "a", "b", "c" };
  Place place = { 0 };
  PlaceDispute dispute;
  PlaceHolder all[3];
  int64_t now_us = 5 * SECOND_US, last_us = 0;
  unsigned holding = 0, n_losses = 0, next = 1;

  for (unsigned i = 0; i < n; i++)
    all[i] = holder (names[i], "192.0.2.1:1");
  for (unsigned step = 0; step < 6000; step++, now_us += SECOND_US / 10)
    {
      /* The first time of each but the first: it never lost the place and takes it. */
      bool first = n_losses < n - 1;

      if (!first && place_free_at_us (&place, &all[next], &all[holding], now_us) > now_us)
        continue;
      place_note_loss (&place, &all[holding], &all[next], now_us);
      g_assert_true (first || now_us - last_us >= PLACE_HOLD_MS * INT64_C (1000));
      last_us = now_us;
      holding = next;
      next = (next + 1) % n;
      n_losses++;
      g_assert_true (place_is_disputed (&place, now_us, &dispute)
                     == (is_disputed && n_losses > PLACE_LOSSES_BORNE * (n == 3 ? 3 : 1)));
    }
  g_assert_cmpuint (n_losses, >=, 55);
  g_assert_cmpuint (n_losses, <=, 62);
}

static void
test_two (void)
{
  quarrel (2, true);
}

static void
test_three (void)
{
  quarrel (3, true);
}

/* A program that is started anew again and again is another instance each time. */
static void
test_restarts (void)
{
  Place place = { 0 };
  PlaceDispute dispute;
  int64_t now_us = SECOND_US;

  for (unsigned i = 0; i < 100; i++, now_us += SECOND_US / 10)
    {
      g_autofree char *before = g_strdup_printf ("%u", i);
      g_autofree char *after = g_strdup_printf ("%u", i + 1);
      PlaceHolder from = holder (before, "192.0.2.1:1"), by = holder (after, "192.0.2.1:2");

      g_assert_cmpint (place_free_at_us (&place, &by, &from, now_us), ==, 0);
      place_note_loss (&place, &from, &by, now_us);
      g_assert_false (place_is_disputed (&place, now_us, &dispute));
    }
}

/* A second program that ends soon after each start, and is started again 1.5 s later as another
 * instance, takes the place from the one that stays no more often than one that stays. */
static void
test_rival_restarts (void)
{
  Place place = { 0 };
  PlaceDispute dispute;
  PlaceHolder steady = holder ("a", "192.0.2.1:1");
  int64_t now_us = 5 * SECOND_US, last_us = 0;
  unsigned n_losses = 0;

  for (unsigned i = 0; i < 400; i++, now_us += 3 * SECOND_US / 2)
    {
      g_autofree char *name = g_strdup_printf ("b%u", i);
      PlaceHolder rival = holder (name, "192.0.2.2:1");

      if (place_free_at_us (&place, &rival, &steady, now_us) > now_us)
        continue; /* its end is sooner than its turn */
      place_note_loss (&place, &steady, &rival, now_us);
      g_assert_true (n_losses == 0 || now_us - last_us >= PLACE_HOLD_MS * INT64_C (1000));
      last_us = now_us;
      n_losses++;
      g_assert_true (place_is_disputed (&place, now_us, &dispute)
                     == (n_losses > PLACE_LOSSES_BORNE));
    }
  g_assert_cmpuint (n_losses, >=, 40);
  g_assert_cmpstr (dispute.holders[0].address, ==, "192.0.2.2:1");
  g_assert_cmpstr (dispute.holders[1].address, ==, "192.0.2.1:1");
}

static void
test_memory (void)
{
  Place place = { 0 };
  PlaceDispute dispute;
  PlaceHolder a = holder ("a", "192.0.2.1:1"), b = holder ("b", "192.0.2.2:1");
  int64_t now_us = SECOND_US;
  int64_t since_us = now_us;

  g_assert_cmpint (place_free_at_us (NULL, &a, &b, now_us), ==, 0);
  g_assert_false (place_is_disputed (NULL, now_us, &dispute));
  for (unsigned i = 0; i < 4; i++, now_us += 10 * SECOND_US)
    {
      g_assert_false (place_is_disputed (&place, now_us, &dispute));
      place_note_loss (&place, i % 2 ? &b : &a, i % 2 ? &a : &b, now_us);
    }
  g_assert_true (place_is_disputed (&place, now_us, &dispute));
  g_assert_cmpstr (dispute.holders[0].address, ==, "192.0.2.1:1");
  g_assert_cmpstr (dispute.holders[1].address, ==, "192.0.2.2:1");
  g_assert_cmpint (dispute.since_us, ==, since_us);
  /* Five minutes after the first of the four it is none any more; after the last all is forgotten.
   */
  now_us = since_us + PLACE_MEMORY_MS * INT64_C (1000);
  g_assert_true (place_is_disputed (&place, now_us - 1, &dispute));
  g_assert_false (place_is_disputed (&place, now_us, &dispute));
  g_assert_cmpint (place_free_at_us (&place, &b, &a, now_us), !=, 0);
  g_assert_cmpint (place_free_at_us (&place, &b, &a, now_us + 30 * SECOND_US), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/agent-place/holders", test_holders);
  g_test_add_func ("/agent-place/two", test_two);
  g_test_add_func ("/agent-place/three", test_three);
  g_test_add_func ("/agent-place/restarts", test_restarts);
  g_test_add_func ("/agent-place/rival-restarts", test_rival_restarts);
  g_test_add_func ("/agent-place/memory", test_memory);
  return g_test_run ();
}
