/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Waiting for one asynchronous result on the main context, with a deadline. Main thread. */
#pragma once

#include <gio/gio.h>

enum
{
  AWAIT_S = 20,
};

static gboolean
await_overdue_cb (G_GNUC_UNUSED gpointer data)
{
  g_error ("no answer within %d s", AWAIT_S);
  return G_SOURCE_REMOVE;
}

static void
await_cb (G_GNUC_UNUSED GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

/* result: set by await_cb. */
static inline void
await_result (GAsyncResult **result)
{
  unsigned id = g_timeout_add_seconds (AWAIT_S, await_overdue_cb, NULL);

  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (id);
}

/* What else is ready on the main context: closing connections, notifications. */
static inline void
await_idle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}
