/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What an agent reported over time. See reports.h. */
#include "daemon/agents/reports.h"

static const struct
{
  int64_t every_ms;
  unsigned n;
} grains[] = {
  { 60 * 1000, 60 },
  { 15 * 60 * 1000, 96 },
};

struct AgentReports
{
  GArray *points[G_N_ELEMENTS (grains)]; /* (owned) oldest first */
};

/* What seems to be still to come was noted before the clock was set back: nobody can tell when. */
static void
drop_later (GArray *points, int64_t now_ms)
{
  while (points->len > 0
         && g_array_index (points, AgentReportPoint, points->len - 1).at_ms > now_ms)
    g_array_set_size (points, points->len - 1);
}

static void
note (GArray *points, unsigned grain, const AgentReportPoint *point)
{
  const AgentReportPoint *last
      = points->len > 0 ? &g_array_index (points, AgentReportPoint, points->len - 1) : NULL;

  /* The last of its time stands for it. */
  if (last && last->at_ms / grains[grain].every_ms == point->at_ms / grains[grain].every_ms)
    g_array_set_size (points, points->len - 1);
  else if (points->len == grains[grain].n)
    g_array_remove_index (points, 0);
  g_array_append_vals (points, point, 1);
}

void
agent_reports_note (AgentReports **reports, const AgentReportPoint *point)
{
  if (!*reports)
    {
      *reports = g_new (AgentReports, 1);
      for (unsigned i = 0; i < G_N_ELEMENTS (grains); i++)
        (*reports)->points[i] = g_array_new (false, false, sizeof (AgentReportPoint));
    }
  for (unsigned i = 0; i < G_N_ELEMENTS (grains); i++)
    {
      drop_later ((*reports)->points[i], point->at_ms);
      note ((*reports)->points[i], i, point);
    }
}

void
agent_reports_free (AgentReports *reports)
{
  if (!reports)
    return;
  for (unsigned i = 0; i < G_N_ELEMENTS (grains); i++)
    g_array_unref (reports->points[i]);
  g_free (reports);
}

GArray *
agent_reports_copy (const AgentReports *reports, int64_t since_ms, int64_t now_ms)
{
  GArray *copy = g_array_new (false, false, sizeof (AgentReportPoint));
  unsigned grain = 0;

  while (grain + 1 < G_N_ELEMENTS (grains)
         && now_ms - since_ms > grains[grain].every_ms * grains[grain].n)
    grain++;
  for (unsigned i = 0; reports && i < reports->points[grain]->len; i++)
    {
      const AgentReportPoint *point = &g_array_index (reports->points[grain], AgentReportPoint, i);

      if (point->at_ms >= since_ms)
        g_array_append_vals (copy, point, 1);
    }
  return copy;
}
