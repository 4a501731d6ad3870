/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The window: shows the page of the connector's state, and one server when signed in. Pages are
 * made once and listen to the connector themselves; the server's view lives as long as the session.
 * Main thread. */
#include "gui/window.h"

#include <glib/gi18n.h>

#include "client/profiles.h"
#include "gui/connect-page.h"
#include "gui/login-page.h"
#include "gui/model/connector.h"
#include "gui/model/server.h"
#include "gui/server-view.h"
#include "gui/setup-page.h"
#include "gui/trust-page.h"

#define SCHEMA_ID "org.p2pstream.Admin"

enum
{
  TOAST_CALL_S = 12, /* long enough to read a server's sentence and reach for the button */
};

struct _P2pWindow
{
  AdwApplicationWindow parent_instance;

  P2pConnector *connector; /* (owned) */
  P2pServer *server;       /* (owned) (nullable) while signed in */
  P2pServerView *view;     /* (borrowed: pages) (nullable) */
  GSettings *settings;     /* (owned) (nullable) without the schema, in a build tree */

  AdwToastOverlay *toasts; /* template children are borrowed */
  GtkStack *pages;
};

G_DEFINE_FINAL_TYPE (P2pWindow, p2p_window, ADW_TYPE_APPLICATION_WINDOW)

/* Toasts read markup; what a server says is no markup. */
static AdwToast *
toast_new (const char *text)
{
  g_autofree char *escaped = g_markup_escape_text (text, -1);

  return adw_toast_new (escaped);
}

static void
notice_cb (P2pWindow *self, const char *text)
{
  AdwToast *toast = toast_new (text);

  adw_toast_set_timeout (toast, TOAST_CALL_S);
  adw_toast_overlay_add_toast (self->toasts, toast);
}

static void
call_failed_cb (P2pWindow *self, const char *text, const char *action)
{
  AdwToast *toast = toast_new (text);

  adw_toast_set_timeout (toast, TOAST_CALL_S);
  adw_toast_set_priority (toast, ADW_TOAST_PRIORITY_HIGH);
  adw_toast_set_button_label (toast, _("_Retry"));
  adw_toast_set_detailed_action_name (toast, action);
  adw_toast_overlay_add_toast (self->toasts, toast);
}

static void
offer_undo (P2pWindow *self, const char *text, const char *action)
{
  AdwToast *toast = toast_new (text);

  adw_toast_set_button_label (toast, _("_Undo"));
  adw_toast_set_detailed_action_name (toast, action);
  adw_toast_overlay_add_toast (self->toasts, toast);
}

static void
update_actions (P2pWindow *self)
{
  P2pConnectorState state = p2p_connector_get_state (self->connector);
  bool ready = state == P2P_CONNECTOR_READY;

  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.refresh", ready);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.search", ready);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.show-section", ready);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.sign-out", ready);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.run-listener", ready);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.enable-routes", ready);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.enable-agents", ready);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.disconnect", state != P2P_CONNECTOR_IDLE);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.back",
                                 state != P2P_CONNECTOR_IDLE && !ready);
}

static void
signed_out_cb (P2pWindow *self)
{
  p2p_connector_session_ended (self->connector);
}

static void
untrusted_cb (P2pWindow *self)
{
  p2p_connector_distrust (self->connector);
}

static void
open_server (P2pWindow *self)
{
  P2pServer *server = p2p_server_new (p2p_connector_get_client (self->connector));

  self->server = server;
  g_signal_connect_object (server, "call-failed", G_CALLBACK (call_failed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (server, "signed-out", G_CALLBACK (signed_out_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (server, "untrusted", G_CALLBACK (untrusted_cb), self, G_CONNECT_SWAPPED);
  self->view = p2p_server_view_new (server, p2p_connector_get_profile (self->connector),
                                    p2p_connector_get_user (self->connector));
  gtk_stack_add_named (self->pages, GTK_WIDGET (self->view), "server");
  p2p_server_refresh (server);
}

static void
close_server (P2pWindow *self)
{
  if (self->server == NULL)
    return;
  g_object_run_dispose (G_OBJECT (self->server)); /* no timer outlives the session */
  g_clear_object (&self->server);
}

/* The view goes when the stack has slid away from it. */
static void
drop_view (P2pWindow *self)
{
  if (self->view == NULL)
    return;
  gtk_stack_remove (self->pages, GTK_WIDGET (self->view));
  self->view = NULL;
}

/* For the task list, and for screen readers, which announce it when the page changes. */
static void
update_title (P2pWindow *self)
{
  static const char *const titles[] = {
    [P2P_CONNECTOR_IDLE] = N_ ("Connect to a Server"),
    [P2P_CONNECTOR_UNTRUSTED] = N_ ("Server Identity"),
    [P2P_CONNECTOR_SETUP] = N_ ("Set Up the Server"),
    [P2P_CONNECTOR_LOGIN] = N_ ("Sign In"),
    [P2P_CONNECTOR_READY] = N_ ("Server"),
  };
  P2pProfile *profile = p2p_connector_get_profile (self->connector);
  const char *title = _(titles[p2p_connector_get_state (self->connector)]);
  g_autofree char *full = NULL;

  if (profile != NULL)
    full = g_strdup_printf ("%s – %s", title, p2p_profile_get_name (profile));
  gtk_window_set_title (GTK_WINDOW (self), full != NULL ? full : title);
}

static void
connector_changed_cb (P2pWindow *self)
{
  static const char *const names[] = {
    [P2P_CONNECTOR_IDLE] = "connect", [P2P_CONNECTOR_UNTRUSTED] = "trust",
    [P2P_CONNECTOR_SETUP] = "setup",  [P2P_CONNECTOR_LOGIN] = "login",
    [P2P_CONNECTOR_READY] = "server",
  };
  P2pConnectorState state = p2p_connector_get_state (self->connector);
  bool turned = !g_str_equal (names[state], gtk_stack_get_visible_child_name (self->pages));

  if (state == P2P_CONNECTOR_READY && self->server == NULL)
    open_server (self);
  if (state != P2P_CONNECTOR_READY)
    close_server (self);
  gtk_stack_set_visible_child_name (self->pages, names[state]);
  if (state != P2P_CONNECTOR_READY)
    drop_view (self);
  update_title (self);
  update_actions (self);
  /* Only now: a page that is hidden, or whose action is disabled, does not take the focus. */
  if (turned)
    gtk_widget_grab_focus (gtk_stack_get_visible_child (self->pages));
}

static void
refresh_action (GtkWidget *widget,
                G_GNUC_UNUSED const char *name,
                G_GNUC_UNUSED GVariant *parameter)
{
  p2p_server_refresh (P2P_WINDOW (widget)->server);
}

static void
search_action (GtkWidget *widget, G_GNUC_UNUSED const char *name, G_GNUC_UNUSED GVariant *parameter)
{
  p2p_server_view_search (P2P_WINDOW (widget)->view);
}

static void
show_section_action (GtkWidget *widget, G_GNUC_UNUSED const char *name, GVariant *parameter)
{
  p2p_server_view_show_section (P2P_WINDOW (widget)->view, g_variant_get_int32 (parameter));
}

static void
disconnect_action (GtkWidget *widget,
                   G_GNUC_UNUSED const char *name,
                   G_GNUC_UNUSED GVariant *parameter)
{
  p2p_connector_disconnect (P2P_WINDOW (widget)->connector);
}

static void
sign_out_action (GtkWidget *widget,
                 G_GNUC_UNUSED const char *name,
                 G_GNUC_UNUSED GVariant *parameter)
{
  p2p_connector_sign_out (P2P_WINDOW (widget)->connector);
}

/* Stopping or disabling takes a service off the network, so it can be undone for a moment. */
static void
run_listener_action (GtkWidget *widget, G_GNUC_UNUSED const char *name, GVariant *parameter)
{
  P2pWindow *self = P2P_WINDOW (widget);
  g_autofree char *text = NULL;
  g_autofree char *undo = NULL;
  P2pResource *listener;
  int64_t id;
  gboolean start;

  g_variant_get (parameter, "(xb)", &id, &start);
  listener = p2p_store_find (p2p_server_get_listeners (self->server), id);
  if (listener == NULL)
    return;
  p2p_server_run_listener (self->server, id, start);
  if (start)
    return;
  text = g_strdup_printf (_("Stopping “%s”"), p2p_resource_get_name (listener));
  undo = g_strdup_printf ("win.run-listener((int64 %" G_GINT64_FORMAT ", true))", id);
  offer_undo (self, text, undo);
}

static void
enable_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  P2pWindow *self = P2P_WINDOW (widget);
  bool route = g_str_equal (name, "win.enable-routes");
  P2pStore *store
      = route ? p2p_server_get_routes (self->server) : p2p_server_get_agents (self->server);
  g_autofree char *text = NULL;
  g_autofree char *undo = NULL;
  P2pResource *resource;
  int64_t id;
  gboolean enabled;

  g_variant_get (parameter, "(xb)", &id, &enabled);
  resource = p2p_store_find (store, id);
  if (resource == NULL)
    return;
  p2p_server_enable (self->server, resource, enabled);
  if (enabled)
    return;
  text = g_strdup_printf (_("Disabling “%s”"), p2p_resource_get_name (resource));
  undo = g_strdup_printf ("%s((int64 %" G_GINT64_FORMAT ", true))", name, id);
  offer_undo (self, text, undo);
}

static gboolean
p2p_window_close_request (GtkWindow *window)
{
  P2pWindow *self = P2P_WINDOW (window);
  int width, height;

  if (self->settings != NULL)
    {
      gtk_window_get_default_size (window, &width, &height);
      g_settings_set (self->settings, "window-size", "(ii)", width, height);
      g_settings_set_boolean (self->settings, "window-maximized", gtk_window_is_maximized (window));
    }
  return GTK_WINDOW_CLASS (p2p_window_parent_class)->close_request (window);
}

static void
p2p_window_dispose (GObject *object)
{
  P2pWindow *self = P2P_WINDOW (object);

  close_server (self);
  self->view = NULL;
  gtk_widget_dispose_template (GTK_WIDGET (self), P2P_TYPE_WINDOW);
  g_clear_object (&self->connector);
  g_clear_object (&self->settings);
  G_OBJECT_CLASS (p2p_window_parent_class)->dispose (object);
}

static void
p2p_window_class_init (P2pWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = p2p_window_dispose;
  GTK_WINDOW_CLASS (klass)->close_request = p2p_window_close_request;
  gtk_widget_class_set_template_from_resource (widget_class, "/org/p2pstream/Admin/window.ui");
  gtk_widget_class_bind_template_child (widget_class, P2pWindow, toasts);
  gtk_widget_class_bind_template_child (widget_class, P2pWindow, pages);
  gtk_widget_class_install_action (widget_class, "win.refresh", NULL, refresh_action);
  gtk_widget_class_install_action (widget_class, "win.search", NULL, search_action);
  gtk_widget_class_install_action (widget_class, "win.show-section", "i", show_section_action);
  gtk_widget_class_install_action (widget_class, "win.disconnect", NULL, disconnect_action);
  gtk_widget_class_install_action (widget_class, "win.back", NULL, disconnect_action);
  gtk_widget_class_install_action (widget_class, "win.sign-out", NULL, sign_out_action);
  gtk_widget_class_install_action (widget_class, "win.run-listener", "(xb)", run_listener_action);
  gtk_widget_class_install_action (widget_class, "win.enable-routes", "(xb)", enable_action);
  gtk_widget_class_install_action (widget_class, "win.enable-agents", "(xb)", enable_action);
}

/* Nothing but the window's shape is kept in GSettings. A program started from its build tree has no
 * schema. */
static void
restore_shape (P2pWindow *self)
{
  GSettingsSchemaSource *source = g_settings_schema_source_get_default ();
  g_autoptr (GSettingsSchema) schema = NULL;
  int width, height;

  if (source != NULL)
    schema = g_settings_schema_source_lookup (source, SCHEMA_ID, TRUE);
  if (schema == NULL)
    return;
  self->settings = g_settings_new_full (schema, NULL, NULL);
  g_settings_get (self->settings, "window-size", "(ii)", &width, &height);
  if (width > 0 && height > 0)
    gtk_window_set_default_size (GTK_WINDOW (self), width, height);
  if (g_settings_get_boolean (self->settings, "window-maximized"))
    gtk_window_maximize (GTK_WINDOW (self));
}

static void
p2p_window_init (P2pWindow *self)
{
  g_autoptr (P2pProfiles) profiles = p2p_profiles_new (NULL);
  g_autoptr (GError) error = NULL;

  gtk_widget_init_template (GTK_WIDGET (self));
  self->connector = p2p_connector_new (profiles);
  gtk_stack_add_named (self->pages, GTK_WIDGET (p2p_connect_page_new (self->connector)), "connect");
  gtk_stack_add_named (self->pages, GTK_WIDGET (p2p_trust_page_new (self->connector)), "trust");
  gtk_stack_add_named (self->pages, GTK_WIDGET (p2p_setup_page_new (self->connector)), "setup");
  gtk_stack_add_named (self->pages, GTK_WIDGET (p2p_login_page_new (self->connector)), "login");
  g_signal_connect_object (self->connector, "changed", G_CALLBACK (connector_changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->connector, "notice", G_CALLBACK (notice_cb), self,
                           G_CONNECT_SWAPPED);
  restore_shape (self);
  update_title (self);
  update_actions (self);
  if (!p2p_profiles_load (profiles, &error))
    notice_cb (self, error->message);
}

P2pWindow *
p2p_window_new (GtkApplication *app)
{
  return g_object_new (P2P_TYPE_WINDOW, "application", app, NULL);
}

void
p2p_window_connect (P2pWindow *self, const P2pAddress *address)
{
  if (address == NULL)
    return;
  if (p2p_connector_get_state (self->connector) != P2P_CONNECTOR_IDLE)
    p2p_connector_disconnect (self->connector);
  p2p_connector_connect (self->connector, address);
}
