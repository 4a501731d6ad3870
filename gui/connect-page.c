/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Asks for the address of a server; lists those used before. Main thread. */
#include "gui/connect-page.h"

#include <glib/gi18n.h>

#include "gui/busy-button.h"
#include "gui/known-row.h"

struct _P2pConnectPage
{
  AdwBin parent_instance;

  P2pConnector *connector; /* (owned) */

  AdwEntryRow *entry; /* template children are borrowed */
  GtkLabel *error;
  P2pBusyButton *connect_button;
  AdwPreferencesGroup *known_group;
  GtkListBox *known;
};

G_DEFINE_FINAL_TYPE (P2pConnectPage, p2p_connect_page, ADW_TYPE_BIN)

static void
show_error (P2pConnectPage *self, const char *text)
{
  gtk_label_set_text (self->error, text != NULL ? text : "");
  gtk_widget_set_visible (GTK_WIDGET (self->error), text != NULL);
  if (text != NULL)
    gtk_widget_add_css_class (GTK_WIDGET (self->entry), "error");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self->entry), "error");
}

static bool
is_shown (P2pConnectPage *self)
{
  return p2p_connector_get_state (self->connector) == P2P_CONNECTOR_IDLE;
}

static void
connector_changed_cb (P2pConnectPage *self)
{
  bool busy = is_shown (self) && p2p_connector_get_busy (self->connector);

  p2p_busy_button_set_busy (self->connect_button, busy);
  gtk_widget_set_sensitive (GTK_WIDGET (self->connect_button), !busy);
  if (is_shown (self))
    {
      show_error (self, busy ? NULL : p2p_connector_get_error (self->connector));
      if (!busy)
        gtk_widget_grab_focus (GTK_WIDGET (self->entry));
    }
}

static void
connect_clicked_cb (P2pConnectPage *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (P2pAddress) address
      = p2p_address_parse (gtk_editable_get_text (GTK_EDITABLE (self->entry)), &error);

  if (address == NULL)
    show_error (self, error->message);
  else
    p2p_connector_connect (self->connector, address);
}

static void
entry_changed_cb (P2pConnectPage *self)
{
  show_error (self, NULL);
}

static void
known_activated_cb (P2pConnectPage *self, GtkListBoxRow *row)
{
  const P2pAddress *address
      = p2p_profile_get_address (p2p_known_row_get_profile (P2P_KNOWN_ROW (row)));

  gtk_editable_set_text (GTK_EDITABLE (self->entry), address->url);
  p2p_connector_connect (self->connector, address);
}

static void
forget_response_cb (P2pConnectPage *self, const char *response, AdwMessageDialog *dialog)
{
  P2pProfile *profile = g_object_get_data (G_OBJECT (dialog), "profile");
  g_autoptr (GError) error = NULL;

  if (!g_str_equal (response, "forget"))
    return;
  if (!p2p_profiles_remove (p2p_connector_get_profiles (self->connector),
                            p2p_profile_get_address (profile), &error))
    show_error (self, error->message);
}

/* The pin goes too: the next connection starts with the certificate again, so it is asked first. */
static void
forget_cb (P2pConnectPage *self, P2pProfile *profile)
{
  GtkWindow *window = GTK_WINDOW (gtk_widget_get_root (GTK_WIDGET (self)));
  g_autofree char *heading = g_strdup_printf (_("Forget “%s”?"), p2p_profile_get_name (profile));
  AdwMessageDialog *dialog = ADW_MESSAGE_DIALOG (
      adw_message_dialog_new (window, heading,
                              _ ("Its certificate will have to be compared and trusted again "
                                 "before the next connection.")));

  adw_message_dialog_add_responses (dialog, "cancel", _("_Cancel"), "forget", _("_Forget"), NULL);
  adw_message_dialog_set_response_appearance (dialog, "forget", ADW_RESPONSE_DESTRUCTIVE);
  adw_message_dialog_set_default_response (dialog, "cancel");
  adw_message_dialog_set_close_response (dialog, "cancel");
  g_object_set_data_full (G_OBJECT (dialog), "profile", g_object_ref (profile), g_object_unref);
  g_signal_connect_object (dialog, "response", G_CALLBACK (forget_response_cb), self,
                           G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (dialog));
}

static GtkWidget *
known_row_new (gpointer item, gpointer user_data)
{
  P2pKnownRow *row = p2p_known_row_new (item);

  g_signal_connect_object (row, "forget", G_CALLBACK (forget_cb), user_data, G_CONNECT_SWAPPED);
  return GTK_WIDGET (row);
}

static void
profiles_changed_cb (P2pConnectPage *self,
                     G_GNUC_UNUSED unsigned at,
                     G_GNUC_UNUSED unsigned removed,
                     G_GNUC_UNUSED unsigned added,
                     GListModel *profiles)
{
  gtk_widget_set_visible (GTK_WIDGET (self->known_group), g_list_model_get_n_items (profiles) > 0);
}

static gboolean
p2p_connect_page_grab_focus (GtkWidget *widget)
{
  return gtk_widget_grab_focus (GTK_WIDGET (P2P_CONNECT_PAGE (widget)->entry));
}

static void
p2p_connect_page_dispose (GObject *object)
{
  P2pConnectPage *self = P2P_CONNECT_PAGE (object);

  gtk_widget_dispose_template (GTK_WIDGET (self), P2P_TYPE_CONNECT_PAGE);
  g_clear_object (&self->connector);
  G_OBJECT_CLASS (p2p_connect_page_parent_class)->dispose (object);
}

static void
p2p_connect_page_class_init (P2pConnectPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  g_type_ensure (P2P_TYPE_BUSY_BUTTON);
  G_OBJECT_CLASS (klass)->dispose = p2p_connect_page_dispose;
  widget_class->grab_focus = p2p_connect_page_grab_focus;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/p2pstream/Admin/connect-page.ui");
  gtk_widget_class_bind_template_child (widget_class, P2pConnectPage, entry);
  gtk_widget_class_bind_template_child (widget_class, P2pConnectPage, error);
  gtk_widget_class_bind_template_child (widget_class, P2pConnectPage, connect_button);
  gtk_widget_class_bind_template_child (widget_class, P2pConnectPage, known_group);
  gtk_widget_class_bind_template_child (widget_class, P2pConnectPage, known);
  gtk_widget_class_bind_template_callback (widget_class, connect_clicked_cb);
  gtk_widget_class_bind_template_callback (widget_class, entry_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, known_activated_cb);
}

static void
p2p_connect_page_init (P2pConnectPage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

P2pConnectPage *
p2p_connect_page_new (P2pConnector *connector)
{
  P2pConnectPage *self = g_object_new (P2P_TYPE_CONNECT_PAGE, NULL);
  GListModel *profiles = G_LIST_MODEL (p2p_connector_get_profiles (connector));

  self->connector = g_object_ref (connector);
  g_signal_connect_object (connector, "changed", G_CALLBACK (connector_changed_cb), self,
                           G_CONNECT_SWAPPED);
  gtk_list_box_bind_model (self->known, profiles, known_row_new, self, NULL);
  g_signal_connect_object (profiles, "items-changed", G_CALLBACK (profiles_changed_cb), self,
                           G_CONNECT_SWAPPED);
  profiles_changed_cb (self, 0, 0, 0, profiles);
  return self;
}
