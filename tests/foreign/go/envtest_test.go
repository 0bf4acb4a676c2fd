package foreign

import (
	"context"
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// widgets writes a config map for each widget, and counts in the widget's status how large it is.
type widgets struct{ client.Client }

func (w widgets) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	widget := object("foreign.example.com/v1", "Widget", "")
	if err := w.Get(ctx, request.NamespacedName, widget); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	size, _, err := unstructured.NestedInt64(widget.Object, "spec", "size")
	if err != nil {
		return ctrl.Result{}, err
	}
	made := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: request.Namespace, Name: request.Name}}
	_, err = controllerutil.CreateOrUpdate(ctx, w.Client, made, func() error {
		made.Data = map[string]string{"size": string(rune('0' + size))}
		return controllerutil.SetControllerReference(widget, made, w.Scheme())
	})
	if err != nil {
		return ctrl.Result{}, err
	}
	before := widget.DeepCopy()
	if err := unstructured.SetNestedField(widget.Object, size, "status", "seen"); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, w.Status().Patch(ctx, widget, client.MergeFrom(before))
}

func TestAManagerRunsInEnvtest(t *testing.T) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Skip("KUBEBUILDER_ASSETS is not set")
	}
	ctrl.SetLogger(zap.New(zap.UseDevMode(true)))
	crd := &apiextensionsv1.CustomResourceDefinition{}
	source := definition("widgets", "Widget").Object
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(source, crd); err != nil {
		t.Fatal(err)
	}
	environment := &envtest.Environment{CRDs: []*apiextensionsv1.CustomResourceDefinition{crd}}
	config, err := environment.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := environment.Stop(); err != nil {
			t.Error(err)
		}
	}()
	manager, err := ctrl.NewManager(config, ctrl.Options{Metrics: server.Options{BindAddress: "0"}})
	if err != nil {
		t.Fatal(err)
	}
	err = ctrl.NewControllerManagedBy(manager).For(object("foreign.example.com/v1", "Widget", "")).
		Owns(&corev1.ConfigMap{}).Complete(widgets{manager.GetClient()})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { ended <- manager.Start(ctx) }()

	direct, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	widget := object("foreign.example.com/v1", "Widget", "w")
	widget.SetNamespace("default")
	widget.Object["spec"] = map[string]any{"size": int64(3)}
	if err := direct.Create(t.Context(), widget); err != nil {
		t.Fatal(err)
	}
	made, key := &corev1.ConfigMap{}, client.ObjectKey{Namespace: "default", Name: "w"}
	eventually(t, "the config map is made", func() bool { return direct.Get(t.Context(), key, made) == nil })
	if made.Data["size"] != "3" || made.OwnerReferences[0].Kind != "Widget" {
		t.Fatalf("%v", made)
	}
	if err := direct.Delete(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is made again", func() bool { return direct.Get(t.Context(), key, made) == nil })
	eventually(t, "the status is written", func() bool {
		err := direct.Get(t.Context(), key, widget)
		seen, _, _ := unstructured.NestedInt64(widget.Object, "status", "seen")
		return err == nil && seen == 3
	})

	// A user without rights: envtest asks for RBAC.
	ann, err := environment.AddUser(envtest.User{Name: "ann", Groups: []string{"dev"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	hers, err := client.New(ann.Config(), client.Options{})
	if err != nil && !apierrors.IsForbidden(err) {
		t.Fatal(err)
	}
	if err := hers.List(t.Context(), &corev1.SecretList{}); !apierrors.IsForbidden(err) {
		t.Fatalf("ann may list secrets: %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
