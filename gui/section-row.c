/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A section in the sidebar. Main thread. */
#include "gui/section-row.h"

#include <glib/gi18n.h>

#include "gui/state-pill.h"

struct _P2pSectionRow
{
  GtkListBoxRow parent_instance;

  const P2pKind *kind; /* static */
  P2pServer *server;   /* (owned) */

  GtkImage *icon; /* template children are borrowed */
  GtkLabel *title;
  GtkBox *trouble;
  GtkLabel *n_trouble;
  GtkLabel *count;
};

G_DEFINE_FINAL_TYPE (P2pSectionRow, p2p_section_row, GTK_TYPE_LIST_BOX_ROW)

static void
update (P2pSectionRow *self)
{
  GListModel *items = G_LIST_MODEL (self->kind->get_store (self->server));
  unsigned n_items = g_list_model_get_n_items (items);
  unsigned n_trouble = 0;
  g_autofree char *count = g_strdup_printf ("%u", n_items);
  g_autofree char *trouble = NULL;
  g_autofree char *sentence = NULL;

  for (unsigned i = 0; i < n_items; i++)
    {
      g_autoptr (P2pResource) item = g_list_model_get_item (items, i);

      n_trouble += p2p_resource_get_enabled (item)
                   && p2p_state_is_trouble (p2p_resource_get_state (item));
    }
  trouble = g_strdup_printf ("%u", n_trouble);
  sentence = g_strdup_printf (ngettext ("%u needs attention", "%u need attention", n_trouble),
                              n_trouble);
  gtk_label_set_text (self->count, n_items > 0 ? count : "");
  gtk_label_set_text (self->n_trouble, trouble);
  gtk_widget_set_visible (GTK_WIDGET (self->trouble), n_trouble > 0);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->trouble), sentence);
}

static void
p2p_section_row_dispose (GObject *object)
{
  P2pSectionRow *self = P2P_SECTION_ROW (object);

  gtk_widget_dispose_template (GTK_WIDGET (self), P2P_TYPE_SECTION_ROW);
  g_clear_object (&self->server);
  G_OBJECT_CLASS (p2p_section_row_parent_class)->dispose (object);
}

static void
p2p_section_row_class_init (P2pSectionRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = p2p_section_row_dispose;
  gtk_widget_class_set_template_from_resource (widget_class, "/org/p2pstream/Admin/section-row.ui");
  gtk_widget_class_bind_template_child (widget_class, P2pSectionRow, icon);
  gtk_widget_class_bind_template_child (widget_class, P2pSectionRow, title);
  gtk_widget_class_bind_template_child (widget_class, P2pSectionRow, trouble);
  gtk_widget_class_bind_template_child (widget_class, P2pSectionRow, n_trouble);
  gtk_widget_class_bind_template_child (widget_class, P2pSectionRow, count);
}

static void
p2p_section_row_init (P2pSectionRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

P2pSectionRow *
p2p_section_row_new (P2pKindId kind, P2pServer *server)
{
  P2pSectionRow *self = g_object_new (P2P_TYPE_SECTION_ROW, NULL);

  self->kind = p2p_kind_get (kind);
  self->server = g_object_ref (server);
  gtk_image_set_from_icon_name (self->icon, self->kind->icon);
  gtk_label_set_text (self->title, _(self->kind->title));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ (self->kind->title), -1);
  g_signal_connect_object (server, "refreshed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  update (self);
  return self;
}
