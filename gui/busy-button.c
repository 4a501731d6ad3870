/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A button that shows a spinner while what it started is under way. It keeps its size meanwhile.
 * Main thread. */
#include "gui/busy-button.h"

struct _P2pBusyButton
{
  GtkButton parent_instance;

  GtkStack *stack; /* (borrowed: children of the button) */
  GtkLabel *label;
  GtkSpinner *spinner;
};

G_DEFINE_FINAL_TYPE (P2pBusyButton, p2p_busy_button, GTK_TYPE_BUTTON)

enum
{
  PROP_TEXT = 1,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

static void
p2p_busy_button_set_property (GObject *object,
                              guint prop_id,
                              const GValue *value,
                              GParamSpec *pspec)
{
  P2pBusyButton *self = P2P_BUSY_BUTTON (object);

  if (prop_id != PROP_TEXT)
    {
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
      return;
    }
  gtk_label_set_text_with_mnemonic (self->label, g_value_get_string (value));
}

static void
p2p_busy_button_class_init (P2pBusyButtonClass *klass)
{
  G_OBJECT_CLASS (klass)->set_property = p2p_busy_button_set_property;
  props[PROP_TEXT]
      = g_param_spec_string ("text", NULL, NULL, "", G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (G_OBJECT_CLASS (klass), N_PROPS, props);
}

static void
p2p_busy_button_init (P2pBusyButton *self)
{
  self->stack = GTK_STACK (gtk_stack_new ());
  self->label = GTK_LABEL (gtk_label_new (NULL));
  self->spinner = GTK_SPINNER (gtk_spinner_new ());
  gtk_label_set_mnemonic_widget (self->label, GTK_WIDGET (self));
  gtk_stack_add_child (self->stack, GTK_WIDGET (self->label));
  gtk_stack_add_child (self->stack, GTK_WIDGET (self->spinner));
  gtk_button_set_child (GTK_BUTTON (self), GTK_WIDGET (self->stack));
}

void
p2p_busy_button_set_busy (P2pBusyButton *self, bool busy)
{
  gtk_stack_set_visible_child (self->stack,
                               busy ? GTK_WIDGET (self->spinner) : GTK_WIDGET (self->label));
  gtk_spinner_set_spinning (self->spinner, busy);
  gtk_accessible_update_state (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_STATE_BUSY, busy, -1);
}
