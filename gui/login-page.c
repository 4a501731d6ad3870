/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Signs in to a server that has an administrator. The password stays in its entry only while the
 * call runs. Main thread. */
#include "gui/login-page.h"

#include <glib/gi18n.h>

#include "client/text.h"
#include "gui/busy-button.h"

struct _P2pLoginPage
{
  AdwBin parent_instance;

  P2pConnector *connector; /* (owned) */
  P2pProfile *profile;     /* (owned) (nullable) the one that is shown */

  GtkLabel *server_name; /* template children are borrowed */
  AdwEntryRow *username;
  AdwPasswordEntryRow *password;
  GtkLabel *error;
  P2pBusyButton *submit;
};

G_DEFINE_FINAL_TYPE (P2pLoginPage, p2p_login_page, ADW_TYPE_BIN)

static void
show_error (P2pLoginPage *self, const char *text)
{
  g_autofree char *shown = p2p_text_dup_shown (text != NULL ? text : "");

  gtk_label_set_text (self->error, shown);
  gtk_widget_set_visible (GTK_WIDGET (self->error), text != NULL);
}

static bool
is_complete (P2pLoginPage *self)
{
  return *gtk_editable_get_text (GTK_EDITABLE (self->username)) != '\0' &&
         *gtk_editable_get_text (GTK_EDITABLE (self->password)) != '\0';
}

static void
focus_first_gap (P2pLoginPage *self)
{
  bool named = *gtk_editable_get_text (GTK_EDITABLE (self->username)) != '\0';

  gtk_widget_grab_focus (named ? GTK_WIDGET (self->password) : GTK_WIDGET (self->username));
}

static void
show_profile (P2pLoginPage *self)
{
  P2pProfile *profile = p2p_connector_get_profile (self->connector);
  g_autofree char *name = p2p_address_dup_display (p2p_profile_get_address (profile));

  if (!g_set_object (&self->profile, profile))
    return;
  gtk_label_set_text (self->server_name, name);
  gtk_editable_set_text (GTK_EDITABLE (self->username), p2p_profile_get_username (profile));
}

static void
connector_changed_cb (P2pLoginPage *self)
{
  bool busy = p2p_connector_get_busy (self->connector);

  if (p2p_connector_get_state (self->connector) != P2P_CONNECTOR_LOGIN)
    {
      gtk_editable_set_text (GTK_EDITABLE (self->password), "");
      g_clear_object (&self->profile);
      return;
    }
  show_profile (self);
  p2p_busy_button_set_busy (self->submit, busy);
  gtk_widget_set_sensitive (GTK_WIDGET (self->submit), !busy && is_complete (self));
  show_error (self, p2p_connector_get_error (self->connector));
  if (!busy)
    focus_first_gap (self);
}

static void
edited_cb (P2pLoginPage *self)
{
  gtk_widget_set_sensitive (GTK_WIDGET (self->submit),
                            is_complete (self) && !p2p_connector_get_busy (self->connector));
}

static void
submit_cb (P2pLoginPage *self)
{
  if (!is_complete (self))
    {
      focus_first_gap (self);
      return;
    }
  if (p2p_connector_get_busy (self->connector))
    return;
  p2p_connector_log_in (self->connector, gtk_editable_get_text (GTK_EDITABLE (self->username)),
                        gtk_editable_get_text (GTK_EDITABLE (self->password)));
}

static gboolean
p2p_login_page_grab_focus (GtkWidget *widget)
{
  focus_first_gap (P2P_LOGIN_PAGE (widget));
  return TRUE;
}

static void
p2p_login_page_dispose (GObject *object)
{
  P2pLoginPage *self = P2P_LOGIN_PAGE (object);

  gtk_widget_dispose_template (GTK_WIDGET (self), P2P_TYPE_LOGIN_PAGE);
  g_clear_object (&self->connector);
  g_clear_object (&self->profile);
  G_OBJECT_CLASS (p2p_login_page_parent_class)->dispose (object);
}

static void
p2p_login_page_class_init (P2pLoginPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  g_type_ensure (P2P_TYPE_BUSY_BUTTON);
  G_OBJECT_CLASS (klass)->dispose = p2p_login_page_dispose;
  widget_class->grab_focus = p2p_login_page_grab_focus;
  gtk_widget_class_set_template_from_resource (widget_class, "/org/p2pstream/Admin/login-page.ui");
  gtk_widget_class_bind_template_child (widget_class, P2pLoginPage, server_name);
  gtk_widget_class_bind_template_child (widget_class, P2pLoginPage, username);
  gtk_widget_class_bind_template_child (widget_class, P2pLoginPage, password);
  gtk_widget_class_bind_template_child (widget_class, P2pLoginPage, error);
  gtk_widget_class_bind_template_child (widget_class, P2pLoginPage, submit);
  gtk_widget_class_bind_template_callback (widget_class, submit_cb);
  gtk_widget_class_bind_template_callback (widget_class, edited_cb);
}

static void
p2p_login_page_init (P2pLoginPage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

P2pLoginPage *
p2p_login_page_new (P2pConnector *connector)
{
  P2pLoginPage *self = g_object_new (P2P_TYPE_LOGIN_PAGE, NULL);

  self->connector = g_object_ref (connector);
  g_signal_connect_object (connector, "changed", G_CALLBACK (connector_changed_cb), self,
                           G_CONNECT_SWAPPED);
  return self;
}
