/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What something does now, as an icon, a word and a colour. Main thread. */
#include "gui/state-pill.h"

#include <glib/gi18n.h>

#include "client/text.h"

struct _P2pStatePill
{
  AdwBin parent_instance;

  GtkImage *icon;  /* (borrowed: child) */
  GtkLabel *label; /* (borrowed: child) */
};

G_DEFINE_FINAL_TYPE (P2pStatePill, p2p_state_pill, ADW_TYPE_BIN)

typedef struct
{
  const char *state;
  const char *label;
  const char *icon;
  const char *css;
} Look;

static const Look looks[] = {
  { "running", N_("Running"), "emblem-ok-symbolic", "success" },
  { "connected", N_("Connected"), "emblem-ok-symbolic", "success" },
  { "healthy", N_("Healthy"), "emblem-ok-symbolic", "success" },
  { "redirect", N_("Redirect"), "mail-forward-symbolic", "accent" },
  { "stopped", N_("Stopped"), "media-playback-stop-symbolic", "neutral" },
  { "disabled", N_("Disabled"), "action-unavailable-symbolic", "neutral" },
  { "unknown", N_("Not Checked"), "dialog-question-symbolic", "neutral" },
  { "degraded", N_("Degraded"), "dialog-warning-symbolic", "warning" },
  { "empty", N_("No Target"), "dialog-warning-symbolic", "warning" },
  { "offline", N_("Offline"), "network-offline-symbolic", "error" },
  { "disconnected", N_("Agent Offline"), "network-offline-symbolic", "error" },
  { "unhealthy", N_("Unhealthy"), "dialog-error-symbolic", "error" },
  { "error", N_("Error"), "dialog-error-symbolic", "error" },
};

static const Look *
find_look (const char *state)
{
  for (size_t i = 0; i < G_N_ELEMENTS (looks); i++)
    if (g_str_equal (looks[i].state, state))
      return &looks[i];
  return NULL;
}

static void
p2p_state_pill_class_init (P2pStatePillClass *klass)
{
  gtk_widget_class_set_css_name (GTK_WIDGET_CLASS (klass), "statepill");
}

static void
p2p_state_pill_init (P2pStatePill *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);

  self->icon = GTK_IMAGE (g_object_new (GTK_TYPE_IMAGE, "pixel-size", 12,
                                        "accessible-role", GTK_ACCESSIBLE_ROLE_PRESENTATION, NULL));
  self->label = GTK_LABEL (gtk_label_new (NULL));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->icon));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->label));
  adw_bin_set_child (ADW_BIN (self), box);
}

char *
p2p_state_dup_label (const char *state)
{
  const Look *look = find_look (state);

  return look != NULL ? g_strdup (_(look->label)) : p2p_text_dup_shown (state);
}

bool
p2p_state_is_trouble (const char *state)
{
  const Look *look = find_look (state);

  return look != NULL && (g_str_equal (look->css, "error") || g_str_equal (look->css, "warning"));
}

void
p2p_state_pill_set_state (P2pStatePill *self, const char *state)
{
  const Look *look = find_look (state);
  g_autofree char *label = p2p_state_dup_label (state);

  gtk_image_set_from_icon_name (self->icon, look != NULL ? look->icon : "dialog-question-symbolic");
  gtk_label_set_text (self->label, label);
  gtk_widget_set_css_classes (GTK_WIDGET (self),
                              (const char *[]){ look != NULL ? look->css : "neutral", NULL });
}
