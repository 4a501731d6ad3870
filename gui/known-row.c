/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A server in the list of known ones. Main thread. */
#include "gui/known-row.h"

#include <glib/gi18n.h>

#include "client/text.h"

struct _P2pKnownRow
{
  AdwActionRow parent_instance;

  P2pProfile *profile; /* (owned) */
};

G_DEFINE_FINAL_TYPE (P2pKnownRow, p2p_known_row, ADW_TYPE_ACTION_ROW)

enum
{
  SIGNAL_FORGET,
  N_SIGNALS,
};

static unsigned signals[N_SIGNALS];

static void
forget_clicked_cb (P2pKnownRow *self)
{
  g_signal_emit (self, signals[SIGNAL_FORGET], 0, self->profile);
}

static void
profile_changed_cb (P2pKnownRow *self)
{
  const char *username = p2p_profile_get_username (self->profile);
  g_autofree char *address = p2p_address_dup_display (p2p_profile_get_address (self->profile));
  g_autofree char *name = p2p_text_dup_shown (p2p_profile_get_name (self->profile));
  g_autofree char *user = p2p_text_dup_shown (username);
  g_autofree char *subtitle = NULL;

  if (*username != '\0' && !g_str_equal (name, address))
    subtitle = g_strdup_printf (C_("user on server", "%s on %s"), user, address);
  else
    subtitle = g_strdup (*username != '\0' ? user : g_str_equal (name, address) ? "" : address);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self), name);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (self), subtitle);
}

static void
p2p_known_row_dispose (GObject *object)
{
  P2pKnownRow *self = P2P_KNOWN_ROW (object);

  gtk_widget_dispose_template (GTK_WIDGET (self), P2P_TYPE_KNOWN_ROW);
  g_clear_object (&self->profile);
  G_OBJECT_CLASS (p2p_known_row_parent_class)->dispose (object);
}

static void
p2p_known_row_class_init (P2pKnownRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = p2p_known_row_dispose;
  signals[SIGNAL_FORGET] = g_signal_new ("forget", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                         NULL, NULL, NULL, G_TYPE_NONE, 1, P2P_TYPE_PROFILE);
  gtk_widget_class_set_template_from_resource (widget_class, "/org/p2pstream/Admin/known-row.ui");
  gtk_widget_class_bind_template_callback (widget_class, forget_clicked_cb);
}

static void
p2p_known_row_init (P2pKnownRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

P2pKnownRow *
p2p_known_row_new (P2pProfile *profile)
{
  P2pKnownRow *self = g_object_new (P2P_TYPE_KNOWN_ROW, NULL);

  self->profile = g_object_ref (profile);
  g_signal_connect_object (profile, "changed", G_CALLBACK (profile_changed_cb), self,
                           G_CONNECT_SWAPPED);
  profile_changed_cb (self);
  return self;
}

P2pProfile *
p2p_known_row_get_profile (P2pKnownRow *self)
{
  return self->profile;
}
