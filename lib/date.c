/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* IMF-fixdate of now. Each thread keeps the text of its last second. */
#include "lib/date.h"

#include <stdio.h>
#include <time.h>

P2pSpan
p2p_date_now (void)
{
  static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
  static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
  static _Thread_local time_t made_at;
  static _Thread_local char text[64];
  struct timespec now;
  struct tm tm;

  (void) clock_gettime (CLOCK_REALTIME_COARSE, &now); /* cannot fail */
  if (now.tv_sec != made_at)
    {
      (void) gmtime_r (&now.tv_sec, &tm); /* fails beyond the year 2^31 */
      (void) snprintf (text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
                       tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                       tm.tm_sec); /* fits */
      made_at = now.tv_sec;
    }
  return (P2pSpan){ text, 29 };
}
