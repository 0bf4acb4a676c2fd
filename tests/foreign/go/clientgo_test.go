// Package foreign runs what Go programs are made of against the API server that PILOTHOUSE_KUBECONFIG names.
package foreign

import (
	"context"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

const patience = 20 * time.Second

// seen is what went over the wire: the query of each request, what its answer was written in.
type seen struct {
	mutex   sync.Mutex
	answers []string
}

type recorder struct {
	inner http.RoundTripper
	seen  *seen
}

func (r recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.inner.RoundTrip(request)
	if err == nil {
		r.seen.mutex.Lock()
		defer r.seen.mutex.Unlock()
		line := request.URL.Path + "?" + request.URL.RawQuery + " " + response.Header.Get("Content-Type")
		r.seen.answers = append(r.seen.answers, line)
	}
	return response, err
}

func (s *seen) has(parts ...string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, line := range s.answers {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(line, part)
		}
		if all {
			return true
		}
	}
	return false
}

func config(t *testing.T) *rest.Config {
	t.Helper()
	path := os.Getenv("PILOTHOUSE_KUBECONFIG")
	if path == "" {
		t.Skip("PILOTHOUSE_KUBECONFIG is not set")
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = 1000, 1000
	return config
}

func protobuf(t *testing.T) (*rest.Config, *seen) {
	t.Helper()
	config, seen := config(t), &seen{}
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	config.Wrap(func(inner http.RoundTripper) http.RoundTripper { return recorder{inner, seen} })
	return config, seen
}

func namespace(t *testing.T, client kubernetes.Interface, name string) string {
	t.Helper()
	made, err := client.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: name + "-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return made.Name
}

func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, patience, true,
		func(context.Context) (bool, error) { return check(), nil })
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func TestInformersStreamTheirListInProtobuf(t *testing.T) {
	config, seen := protobuf(t)
	client := kubernetes.NewForConfigOrDie(config)
	space := namespace(t, client, "informers")
	maps := client.CoreV1().ConfigMaps(space)
	for _, name := range []string{"a", "b"} {
		object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"k": "1"}}
		if _, err := maps.Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(space))
	informer := factory.Core().V1().ConfigMaps()
	var mutex sync.Mutex
	var told []string
	note := func(what string, object any) {
		mutex.Lock()
		defer mutex.Unlock()
		told = append(told, what+" "+object.(*corev1.ConfigMap).Name+"="+object.(*corev1.ConfigMap).Data["k"])
	}
	last := func() string {
		mutex.Lock()
		defer mutex.Unlock()
		return told[len(told)-1]
	}
	_, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { note("add", object) },
		UpdateFunc: func(_, object any) { note("update", object) },
		DeleteFunc: func(object any) { note("delete", object) },
	})
	if err != nil {
		t.Fatal(err)
	}
	informer.Informer()
	factory.Start(t.Context().Done())
	eventually(t, "the cache fills", informer.Informer().HasSynced)
	if listed := len(informer.Informer().GetStore().List()); listed < 2 {
		t.Fatalf("%d objects, wanted at least 2", listed)
	}
	if !seen.has("/configmaps?", "sendInitialEvents=true", "application/vnd.kubernetes.protobuf;stream=watch") {
		t.Fatalf("no streaming list in protobuf: %v", seen.answers)
	}
	object, err := maps.Get(t.Context(), "a", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	object.Data["k"] = "2"
	if _, err := maps.Update(t.Context(), object, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the change arrives", func() bool { return last() == "update a=2" })
	// What was read before is too old to be written again.
	object.Data["k"] = "3"
	if _, err := maps.Update(t.Context(), object, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Fatalf("a stale write: %v", err)
	}
	if err := maps.Delete(t.Context(), "b", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the deletion arrives", func() bool { return last() == "delete b=1" })
}

func TestOneCandidateLeadsAndTheNextFollows(t *testing.T) {
	config, _ := protobuf(t)
	client := kubernetes.NewForConfigOrDie(config)
	space := namespace(t, client, "election")
	leads := make(chan string, 2)
	run := func(ctx context.Context, name string) {
		leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
			Lock: &resourcelock.LeaseLock{LeaseMeta: metav1.ObjectMeta{Namespace: space, Name: "lock"},
				Client: client.CoordinationV1(), LockConfig: resourcelock.ResourceLockConfig{Identity: name}},
			LeaseDuration: 4 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 200 * time.Millisecond,
			ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { leads <- name },
				OnStoppedLeading: func() {},
			},
		})
	}
	first, stop := context.WithCancel(t.Context())
	go run(first, "one")
	if name := <-leads; name != "one" {
		t.Fatalf("%s leads", name)
	}
	go run(t.Context(), "two")
	select {
	case name := <-leads:
		t.Fatalf("%s leads as well", name)
	case <-time.After(time.Second):
	}
	stop()
	select {
	case name := <-leads:
		if name != "two" {
			t.Fatalf("%s leads", name)
		}
	case <-time.After(patience):
		t.Fatal("nobody leads")
	}
	lease, err := client.CoordinationV1().Leases(space).Get(t.Context(), "lock", metav1.GetOptions{})
	if err != nil || *lease.Spec.HolderIdentity != "two" {
		t.Fatalf("%v %v", lease, err)
	}
}

func TestAppliesShareAndFightOverFields(t *testing.T) {
	config, _ := protobuf(t)
	client := kubernetes.NewForConfigOrDie(config)
	space := namespace(t, client, "apply")
	maps := client.CoreV1().ConfigMaps(space)
	one := applycore.ConfigMap("m", space).WithData(map[string]string{"a": "1", "b": "1"})
	if _, err := maps.Apply(t.Context(), one, metav1.ApplyOptions{FieldManager: "one"}); err != nil {
		t.Fatal(err)
	}
	two := applycore.ConfigMap("m", space).WithData(map[string]string{"a": "2"})
	_, err := maps.Apply(t.Context(), two, metav1.ApplyOptions{FieldManager: "two"})
	if !apierrors.IsConflict(err) || !strings.Contains(err.Error(), `conflict with "one"`) {
		t.Fatalf("%v", err)
	}
	if _, err := maps.Apply(t.Context(), two, metav1.ApplyOptions{FieldManager: "two", Force: true}); err != nil {
		t.Fatal(err)
	}
	less := applycore.ConfigMap("m", space)
	found, err := maps.Apply(t.Context(), less, metav1.ApplyOptions{FieldManager: "one"})
	if err != nil || len(found.Data) != 1 || found.Data["a"] != "2" {
		t.Fatalf("%v %v", found, err)
	}
	owned, err := applycore.ExtractConfigMap(found, "two")
	if err != nil || owned.Data["a"] != "2" {
		t.Fatalf("%v %v", owned, err)
	}
}

func TestCustomResourcesAreInformedOfAsSoonAsTheyAreDefined(t *testing.T) {
	config := config(t)
	client := dynamic.NewForConfigOrDie(config)
	definitions := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1",
		Resource: "customresourcedefinitions"})
	_, err := definitions.Create(t.Context(), definition("gadgets", "Gadget"), metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	resource := schema.GroupVersionResource{Group: "foreign.example.com", Version: "v1", Resource: "gadgets"}
	gadgets := client.Resource(resource).Namespace("default")
	eventually(t, "the type is served", func() bool {
		_, err := gadgets.List(t.Context(), metav1.ListOptions{})
		return err == nil
	})
	factory := dynamicinformer.NewDynamicSharedInformerFactory(client, 0)
	informer := factory.ForResource(resource).Informer()
	factory.Start(t.Context().Done())
	eventually(t, "the cache fills", informer.HasSynced)
	gadget := object("foreign.example.com/v1", "Gadget", "g")
	gadget.Object["spec"] = map[string]any{"size": int64(3)}
	if _, err := gadgets.Create(t.Context(), gadget, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it arrives", func() bool { return len(informer.GetStore().List()) == 1 })
	bad := []byte(`{"spec":{"size":0}}`)
	_, err = gadgets.Patch(t.Context(), "g", types.MergePatchType, bad, metav1.PatchOptions{})
	if !apierrors.IsInvalid(err) {
		t.Fatalf("%v", err)
	}
	if err := gadgets.Delete(t.Context(), "g", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is gone", func() bool { return len(informer.GetStore().List()) == 0 })
}
