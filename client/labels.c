/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Labels and selectors as text. Any thread; no state. */
#include "client/labels.h"

#include "client/json.h"

char *
p2p_labels_dup_text (JsonObject *labels)
{
  g_autoptr (GList) keys = labels != NULL ? json_object_get_members (labels) : NULL;
  GString *text = g_string_new (NULL);

  keys = g_list_sort (keys, (GCompareFunc) g_strcmp0);
  for (const GList *l = keys; l != NULL; l = l->next)
    g_string_append_printf (text, "%s%s=%s", text->len > 0 ? ", " : "", (const char *) l->data,
                            p2p_json_str (labels, l->data, ""));
  return g_string_free (text, FALSE);
}
