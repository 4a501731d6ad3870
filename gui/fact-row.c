/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One fact about a certificate. Main thread. */
#include "gui/fact-row.h"

#include "client/text.h"

struct _P2pFactRow
{
  AdwActionRow parent_instance;

  GtkImage *mark; /* (borrowed: suffix of the row) */
};

G_DEFINE_FINAL_TYPE (P2pFactRow, p2p_fact_row, ADW_TYPE_ACTION_ROW)

static void
p2p_fact_row_class_init (G_GNUC_UNUSED P2pFactRowClass *klass)
{
}

static void
p2p_fact_row_init (P2pFactRow *self)
{
  self->mark = GTK_IMAGE (gtk_image_new ());
  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (self), FALSE);
  adw_action_row_set_subtitle_lines (ADW_ACTION_ROW (self), 0);
  adw_action_row_add_suffix (ADW_ACTION_ROW (self), GTK_WIDGET (self->mark));
  gtk_widget_add_css_class (GTK_WIDGET (self), "fact");
}

void
p2p_fact_row_set (P2pFactRow *self, const char *value, P2pFact fact, const char *mark)
{
  static const struct
  {
    const char *icon;
    const char *css[2];
  } looks[] = {
    [P2P_FACT_PLAIN] = { NULL, { NULL } },
    [P2P_FACT_GOOD] = { "emblem-ok-symbolic", { "success" } },
    [P2P_FACT_BAD] = { "dialog-error-symbolic", { "error" } },
  };
  g_autofree char *shown = p2p_text_dup_shown (value);

  adw_action_row_set_subtitle (ADW_ACTION_ROW (self), shown);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, shown,
                                  -1);
  gtk_widget_set_visible (GTK_WIDGET (self->mark), fact != P2P_FACT_PLAIN);
  gtk_image_set_from_icon_name (self->mark, looks[fact].icon);
  gtk_widget_set_css_classes (GTK_WIDGET (self->mark), (const char **) looks[fact].css);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->mark), mark);
}
