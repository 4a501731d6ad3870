/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Who keeps up a rate is left alone however the bytes come, who does not has about a window. */
#include "daemon/proxy/pace.h"

#include <glib.h>

#define WINDOW_US ((int64_t) 60 * G_USEC_PER_SEC)

/* How long somebody lasts who gives so many bytes after each wait; 0: to the end. */
static int64_t
last (Pace *pace, uint64_t n_each, int64_t wait_us, int64_t rate)
{
  uint64_t n = pace->seen;
  int64_t lasted_us = 0;

  while (lasted_us < 100 * WINDOW_US)
    {
      n += n_each;
      lasted_us += wait_us;
      if (!pace_advance (pace, n, wait_us, rate, WINDOW_US))
        return lasted_us;
    }
  return 0;
}

static void
test_rates (void)
{
  static const struct
  {
    const char *name;
    uint64_t n_each;
    int64_t wait_us;
    int64_t rate;
    int64_t least_us, most_us; /* 0: for ever */
  } cases[] = {
    { "just quick enough", 129, 1000000, 128, 0, 0 },
    { "in small pieces", 1, 7000, 128, 0, 0 },
    { "in large pieces, seldom", 6000, 45000000, 128, 0, 0 },
    { "silent", 0, 1000000, 128, WINDOW_US, WINDOW_US },
    { "silent, no rate", 0, 1000000, 0, 0, 0 },
    { "half the rate", 64, 1000000, 128, 2 * WINDOW_US - 2000000, 2 * WINDOW_US },
    { "a byte now and then", 1, 10000000, 128, WINDOW_US, WINDOW_US + 10000000 },
    { "a byte a second, high rate", 1, 1000000, 1000000000, WINDOW_US, WINDOW_US },
    { "enormous", UINT64_C (1) << 50, 1000000, 1, 0, 0 },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Pace pace = { .left_us = WINDOW_US };
      int64_t lasted_us;

      g_test_message ("%s", cases[i].name);
      lasted_us = last (&pace, cases[i].n_each, cases[i].wait_us, cases[i].rate);
      g_assert_cmpint (lasted_us, >=, cases[i].least_us);
      g_assert_cmpint (lasted_us, <=, cases[i].most_us);
    }
}

/* A gigabyte in a second buys no more than the window. */
static void
test_no_savings (void)
{
  Pace pace = { .left_us = WINDOW_US };

  g_assert_true (pace_advance (&pace, 1000000000, 1000000, 128, WINDOW_US));
  g_assert_cmpint (last (&pace, 0, 1000000, 128), ==, WINDOW_US);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pace/rates", test_rates);
  g_test_add_func ("/pace/no-savings", test_no_savings);
  return g_test_run ();
}
