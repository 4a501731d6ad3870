/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One listener, route or agent in a list. Main thread. */
#include "gui/resource-row.h"

#include "client/text.h"
#include "gui/state-pill.h"

struct _P2pResourceRow
{
  AdwBin parent_instance;

  P2pResourceRowFill fill;
  gpointer user_data;
  P2pResource *resource; /* (owned) (nullable) */
  gulong changed_id;
  const char *action; /* static: of the switch */
  char *state_label;  /* (owned) (nullable) */
  bool filling;       /* the switch is set by us, not by a person */

  GtkLabel *title; /* template children are borrowed */
  GtkLabel *tag;
  GtkLabel *subtitle;
  GtkLabel *detail;
  GtkGrid *lines;
  int n_lines;
  GtkLabel *problem;
  P2pStatePill *state;
  GtkSwitch *toggle;
};

G_DEFINE_FINAL_TYPE (P2pResourceRow, p2p_resource_row, ADW_TYPE_BIN)

static void
set_label (GtkLabel *label, const char *text)
{
  g_autofree char *shown = p2p_text_dup_shown (text != NULL ? text : "");

  gtk_label_set_text (label, shown);
  gtk_widget_set_visible (GTK_WIDGET (label), *shown != '\0');
}

void
p2p_resource_row_set_title (P2pResourceRow *self, const char *title, const char *tag)
{
  set_label (self->title, title);
  set_label (self->tag, tag);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->title), gtk_label_get_text (self->title));
}

void
p2p_resource_row_set_subtitle (P2pResourceRow *self, const char *subtitle)
{
  set_label (self->subtitle, subtitle);
}

void
p2p_resource_row_set_detail (P2pResourceRow *self, const char *detail)
{
  set_label (self->detail, detail);
}

void
p2p_resource_row_set_problem (P2pResourceRow *self, const char *problem)
{
  set_label (self->problem, problem);
}

void
p2p_resource_row_set_state (P2pResourceRow *self, const char *state)
{
  p2p_state_pill_set_state (self->state, state);
  g_free (self->state_label);
  self->state_label = p2p_state_dup_label (state);
}

void
p2p_resource_row_set_switch (P2pResourceRow *self,
                             const char *action,
                             const char *label,
                             bool active)
{
  self->action = action;
  gtk_switch_set_active (self->toggle, active);
  gtk_switch_set_state (self->toggle, active);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->toggle), label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->toggle), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  label, -1);
}

void
p2p_resource_row_clear_lines (P2pResourceRow *self)
{
  GtkWidget *line;

  while ((line = gtk_widget_get_first_child (GTK_WIDGET (self->lines))) != NULL)
    gtk_grid_remove (self->lines, line);
  self->n_lines = 0;
  gtk_widget_set_visible (GTK_WIDGET (self->lines), FALSE);
}

void
p2p_resource_row_add_line (P2pResourceRow *self, const char *state, const char *text)
{
  GtkWidget *pill = g_object_new (P2P_TYPE_STATE_PILL, "valign", GTK_ALIGN_CENTER, NULL);
  GtkWidget *label = g_object_new (GTK_TYPE_LABEL, "wrap", TRUE, "wrap-mode", PANGO_WRAP_WORD_CHAR,
                                   "xalign", 0.0, "hexpand", TRUE, NULL);

  p2p_state_pill_set_state (P2P_STATE_PILL (pill), state);
  set_label (GTK_LABEL (label), text);
  gtk_widget_add_css_class (label, "caption");
  gtk_widget_add_css_class (pill, "small");
  gtk_grid_attach (self->lines, pill, 0, self->n_lines, 1, 1);
  gtk_grid_attach (self->lines, label, 1, self->n_lines, 1, 1);
  self->n_lines++;
  gtk_widget_set_visible (GTK_WIDGET (self->lines), TRUE);
}

/* What a screen reader says for the whole row; the list's own row widget has no label in GTK 4.8.
 */
static void
update_list_item (P2pResourceRow *self)
{
  GtkWidget *parent = gtk_widget_get_parent (GTK_WIDGET (self));
  g_autofree char *label
      = g_strdup_printf ("%s, %s", gtk_label_get_text (self->title), self->state_label);

  if (parent != NULL)
    gtk_accessible_update_property (GTK_ACCESSIBLE (parent), GTK_ACCESSIBLE_PROPERTY_LABEL, label,
                                    GTK_ACCESSIBLE_PROPERTY_DESCRIPTION,
                                    gtk_label_get_text (self->subtitle), -1);
}

static void
refill (P2pResourceRow *self)
{
  self->filling = true;
  self->fill (self, self->resource, self->user_data);
  self->filling = false;
  update_list_item (self);
}

void
p2p_resource_row_set_resource (P2pResourceRow *self, P2pResource *resource)
{
  g_clear_signal_handler (&self->changed_id, self->resource);
  g_set_object (&self->resource, resource);
  if (resource == NULL)
    return;
  self->changed_id = g_signal_connect_swapped (resource, "changed", G_CALLBACK (refill), self);
  refill (self);
}

/* The handle moves at once, the state only when the server has said so. */
static gboolean
state_set_cb (G_GNUC_UNUSED GtkSwitch *toggle, gboolean active, gpointer user_data)
{
  P2pResourceRow *self = user_data;

  if (!self->filling && self->resource != NULL)
    gtk_widget_activate_action (GTK_WIDGET (self), self->action, "(xb)",
                                p2p_resource_get_id (self->resource), active);
  return !self->filling;
}

static void
p2p_resource_row_dispose (GObject *object)
{
  P2pResourceRow *self = P2P_RESOURCE_ROW (object);

  p2p_resource_row_set_resource (self, NULL);
  g_clear_pointer (&self->state_label, g_free);
  gtk_widget_dispose_template (GTK_WIDGET (self), P2P_TYPE_RESOURCE_ROW);
  G_OBJECT_CLASS (p2p_resource_row_parent_class)->dispose (object);
}

static void
p2p_resource_row_class_init (P2pResourceRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  g_type_ensure (P2P_TYPE_STATE_PILL);
  G_OBJECT_CLASS (klass)->dispose = p2p_resource_row_dispose;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/p2pstream/Admin/resource-row.ui");
  gtk_widget_class_bind_template_child (widget_class, P2pResourceRow, title);
  gtk_widget_class_bind_template_child (widget_class, P2pResourceRow, tag);
  gtk_widget_class_bind_template_child (widget_class, P2pResourceRow, subtitle);
  gtk_widget_class_bind_template_child (widget_class, P2pResourceRow, detail);
  gtk_widget_class_bind_template_child (widget_class, P2pResourceRow, lines);
  gtk_widget_class_bind_template_child (widget_class, P2pResourceRow, problem);
  gtk_widget_class_bind_template_child (widget_class, P2pResourceRow, state);
  gtk_widget_class_bind_template_child (widget_class, P2pResourceRow, toggle);
  gtk_widget_class_bind_template_callback (widget_class, state_set_cb);
}

static void
p2p_resource_row_init (P2pResourceRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

P2pResourceRow *
p2p_resource_row_new (P2pResourceRowFill fill, gpointer user_data)
{
  P2pResourceRow *self = g_object_new (P2P_TYPE_RESOURCE_ROW, NULL);

  self->fill = fill;
  self->user_data = user_data;
  return self;
}
