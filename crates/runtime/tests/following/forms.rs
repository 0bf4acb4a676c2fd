//! One history, followed in every form that objects are asked for and kept in.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, header};
use k8s_openapi::api::core::v1::ConfigMap;
use parking_lot::Mutex;
use pilothouse::cache::{Projection, Residence, WireFormat};
use pilothouse::{
    Client, ClientOptions, Informer, InformerOptions, Informers, Lister, Object, k8s_openapi, kube,
};
use pilothouse_apiserver::ApiServer;
use tokio::time::sleep;
use tower::{ServiceExt, service_fn};

use crate::world::{World, config_map, key};

#[derive(kube::CustomResource, Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[kube(group = "test.example", version = "v1", kind = "Gadget", namespaced)]
struct GadgetSpec {
    size: u32,
}

/// The last part of the path, and the form of the answer.
type Forms = Arc<Mutex<BTreeSet<(String, String)>>>;

/// A registry of its own, which notes in which forms the server answers it.
fn informers(world: &World) -> (Informers, Forms) {
    let (server, forms) = (world.server.clone(), Forms::default());
    let noted = Arc::clone(&forms);
    let service = service_fn(move |request: Request<kube::client::Body>| {
        let (server, noted): (ApiServer, _) = (server.clone(), Arc::clone(&noted));
        let plural = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        async move {
            let response = server.oneshot(request).await?;
            let form = response.headers()[header::CONTENT_TYPE].to_str().unwrap_or_default();
            if response.status().is_success() {
                noted.lock().insert((plural, form.to_owned()));
            }
            Ok::<_, pilothouse::BoxError>(response)
        }
    });
    let kube = kube::Client::new(service, "default");
    let client = Client::new(kube, ClientOptions::unlimited(), &world.environment, &world.metrics);
    (Informers::new(client, world.environment.clone(), world.metrics.clone()), forms)
}

fn objects(informer: &Informer) -> Vec<serde_json::Value> {
    informer.store().snapshot().iter().map(|object| object.to_value()).collect()
}

fn metadata(objects: &[serde_json::Value]) -> Vec<serde_json::Value> {
    objects.iter().map(|object| object["metadata"].clone()).collect()
}

async fn random_history(world: &World) {
    for step in 0..200 {
        let name = format!("o{}", world.environment.random_index(12));
        let exists = world.client.get::<ConfigMap>(&key(&name)).await.is_ok();
        match (exists, world.environment.random_index(4)) {
            (true, 0) => world.delete(&name).await,
            (true, _) => drop(world.touch(&name, step).await),
            (false, _) => drop(world.client.create(&config_map(&name)).await.unwrap()),
        }
        match world.environment.random_index(25) {
            0 => world.server.drop_watches(),
            1 => {
                world.server.compact(None);
                world.server.drop_watches();
            }
            _ => sleep(Duration::from_millis(20)).await,
        }
    }
    sleep(Duration::from_mins(2)).await;
}

#[tokio::test(start_paused = true)]
async fn s17_every_form_of_asking_for_and_keeping_objects_ends_with_the_same_state() {
    for (seed, streams) in [(0, true), (1, false), (2, true)] {
        let world = World::new(seed);
        world.create("before").await;
        let options = || InformerOptions::default().with_streaming_list(streams);
        let wanted = [
            options(),
            options().with_format(WireFormat::PreferProtobuf),
            options().with_residence(Residence::Compact),
            options().with_format(WireFormat::PreferProtobuf).with_residence(Residence::Compact),
            options().with_projection(Projection::MetadataOnly),
        ];
        let all: Vec<_> = wanted.map(|options| (informers(&world), options)).into();
        let follow = |((informers, _), options): &((Informers, Forms), InformerOptions)| {
            informers.informer_with(&ConfigMap::resource_type(), options.clone()).unwrap()
        };
        let running: Vec<Informer> = all.iter().map(follow).collect();
        random_history(&world).await;
        let plain = objects(&running[0]);
        assert_eq!(plain.len(), world.truth().await.len(), "seed {seed}");
        assert!(plain.iter().any(|object| object["data"]["value"].is_string()), "something to compare");
        let typed = Lister::<ConfigMap>::new(running[0].clone()).list().unwrap();
        for informer in &running[1..4] {
            assert_eq!(objects(informer), plain, "seed {seed}");
            assert_eq!(Lister::<ConfigMap>::new(informer.clone()).list().unwrap(), typed, "seed {seed}");
        }
        let partial = objects(&running[4]);
        assert_eq!(metadata(&partial), metadata(&plain), "seed {seed}");
        assert!(partial.iter().all(|object| object.get("data").is_none()));
        for (number, ((_, forms), _)) in all.iter().enumerate() {
            let protobuf = [1, 3].contains(&number);
            assert!(forms.lock().iter().all(|(_, form)| form.contains("protobuf") == protobuf), "{forms:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn custom_resources_are_followed_as_json_where_protobuf_is_preferred() {
    let world = World::new(7);
    world.client.create(&<Gadget as kube::CustomResourceExt>::crd()).await.unwrap();
    let (informers, forms) = informers(&world);
    let options = InformerOptions::default().with_format(WireFormat::PreferProtobuf);
    let informers = informers.with_defaults(options);
    let (gadgets, maps) = (informers.lister::<Gadget>(), informers.lister::<ConfigMap>());
    for size in 0..3 {
        let mut gadget = Gadget::new(&format!("g{size}"), GadgetSpec { size });
        gadget.metadata.namespace = Some("default".into());
        world.client.create(&gadget).await.unwrap();
    }
    world.create("a").await;
    sleep(Duration::from_secs(30)).await;
    let sizes: Vec<_> = gadgets.list().unwrap().iter().map(|gadget| gadget.spec.size).collect();
    assert_eq!((sizes, maps.list().unwrap().len()), (vec![0, 1, 2], world.truth().await.len()));
    let forms = forms.lock();
    assert!(
        forms.iter().all(|(plural, form)| form.contains("protobuf") == (plural == "configmaps")),
        "{forms:?}"
    );
}
