"""The files for clusters: valid, pinned, with authentication, and of the sizes that are computed."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cluster_size import (
    SIZES,
    Cluster,
    PaperBytes,
    cluster_for,
    cluster_table,
    field_table,
    paper_table,
)
from search.milvus.address import Address
from search.milvus.schema import SERVER

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed: pip install pyyaml")

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
PAPER = PaperBytes.load()
KEYS_OF_THE_CHART = {
    *("cluster.enabled", "image.all.tag", "extraConfigFiles.user.yaml"),
    *("streaming.enabled", "streaming.woodpecker.embedded", "streaming.woodpecker.storage.type"),
    *("woodpecker.enabled", "pulsarv3.enabled", "indexNode.enabled", "minio.enabled", "minio.mode"),
    *("queryNode.disk.enabled", "queryNode.disk.size.enabled", "mixCoordinator.activeStandby.enabled"),
    *(f"{name}.replicas" for name in ("queryNode", "dataNode", "streamingNode", "mixCoordinator", "proxy")),
    *("etcd.replicaCount", "etcd.persistence.size", "minio.persistence.size"),
    *(f"externalS3.{name}" for name in ("enabled", "cloudProvider", "host", "port", "useSSL", "useIAM", "region")),
    *("externalS3.bucketName", "externalS3.rootPath"),
}
"""Keys in charts/milvus/values.yaml of zilliztech/milvus-helm, without resources. Helm ignores others silently."""
SETTINGS_OF_MILVUS = {
    *("common.security.authorizationEnabled", "mq.type"),
    *("dataCoord.segment.maxSize", "dataCoord.segment.diskSegmentMaxSize"),
    *(f"queryNode.mmap.{name}" for name in ("scalarField", "scalarIndex", "vectorField", "vectorIndex")),
}
"""Settings in configs/milvus.yaml of milvus-io/milvus."""


def load(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text("utf-8"))


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and key != "resources":
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


@pytest.fixture(params=SIZES)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    return cluster_for(request.param, PAPER)


def test_values_have_only_keys_of_the_chart_and_settings_of_milvus(cluster: Cluster) -> None:
    values = load(f"values-{cluster.millions}m.yaml")
    keys = {key for key, _ in leaves(values) if not key.endswith(".resources")}
    assert keys <= KEYS_OF_THE_CHART
    settings = dict(leaves(yaml.safe_load(values["extraConfigFiles"]["user.yaml"])))
    assert set(settings) <= SETTINGS_OF_MILVUS
    assert settings["common.security.authorizationEnabled"] is True
    assert values["image"]["all"]["tag"].startswith("v2.6.")


def test_values_have_the_sizes_that_are_computed(cluster: Cluster) -> None:
    values = load(f"values-{cluster.millions}m.yaml")
    for pods in cluster.pods:
        if pods.component == "papers":
            service = next(yaml.safe_load_all((DEPLOY / "papers.yaml").read_text("utf-8")))["spec"]
            (container,) = service["template"]["spec"]["containers"]
            found: dict[str, Any] = {"replicas": service["replicas"], "resources": container["resources"]}
        else:
            found = values[pods.component]
        limits = found["resources"]["limits"]
        assert found.get("replicas", found.get("replicaCount", 4)) == pods.count, pods
        assert (float(limits["cpu"]), limits["memory"]) == (pods.cores, f"{pods.gib}Gi"), pods
        disk = limits.get("ephemeral-storage") or found.get("persistence", {}).get("size", "0Gi")
        assert disk == f"{pods.disk_gib}Gi", pods
    settings = dict(leaves(yaml.safe_load(values["extraConfigFiles"]["user.yaml"])))
    is_on_disk = cluster.plan.name == "DISKANN"
    assert settings["queryNode.mmap.vectorIndex"] is is_on_disk
    segment = "diskSegmentMaxSize" if is_on_disk else "maxSize"
    assert settings[f"dataCoord.segment.{segment}"] == 1024 * cluster.segment_gib


def test_the_index_is_one_that_a_collection_can_have(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPERS_MILVUS_INDEX", cluster.plan.name)
    assert Address.parse("milvus://milvus:19530/papers").dialect.vector_index == cluster.plan.name
    is_named = "PAPERS_MILVUS_INDEX=" in (DEPLOY / f"values-{cluster.millions}m.yaml").read_text("utf-8")
    assert is_named is (cluster.plan.name != SERVER.vector_index)


def test_query_nodes_have_room_for_all_papers_when_one_fails(cluster: Cluster) -> None:
    query = cluster.pods[0]
    assert (query.count - 1) * query.gib >= cluster.needed_gib
    assert (query.count - 1) * query.disk_gib * 2**30 >= cluster.millions * 1e6 * cluster.plan.disk


def test_compose_file_is_valid() -> None:
    package = pytest.importorskip(
        "check_jsonschema", reason="the schema of compose files: pip install check-jsonschema"
    )
    import jsonschema

    folder = Path(package.__file__).parent / "builtin_schemas" / "vendor"
    jsonschema.validate(load("compose.yaml"), json.loads((folder / "compose-spec.json").read_text("utf-8")))


def test_kubernetes_file_is_valid() -> None:
    validator = pytest.importorskip("kubernetes_validate", reason="schemas: pip install kubernetes-validate")
    for resource in yaml.safe_load_all((DEPLOY / "papers.yaml").read_text("utf-8")):
        validator.validate(resource, validator.latest_version(), strict=True)


def test_containers_are_pinned_healthy_limited_and_keep_their_data() -> None:
    compose = load("compose.yaml")
    assert {"etcd", "minio", "milvus", "papers"} == set(compose["services"])
    for name, service in compose["services"].items():
        assert re.search(r":(v|RELEASE\.|)\d[\w.-]+$", service["image"]), name
        assert service["healthcheck"]["test"][0] == "CMD"
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
        (volume,) = service["volumes"]
        assert volume.partition(":")[0] in compose["volumes"]
        assert set(service.get("depends_on", ())) <= set(compose["services"])
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_compose_has_authentication_and_no_default_password() -> None:
    services = load("compose.yaml")["services"]
    assert services["milvus"]["environment"]["COMMON_SECURITY_AUTHORIZATIONENABLED"] == "true"
    secret = re.compile("PASSWORD|SECRET|TOKEN")
    found = [
        value for service in services.values() for name, value in service["environment"].items() if secret.search(name)
    ]
    assert len(found) == 4
    assert all(re.fullmatch(r"(root:)?\$\{\w+:\?.+\}", value) for value in found)
    access = services["minio"]["environment"]["MINIO_ROOT_USER"]
    assert services["milvus"]["environment"]["MINIO_ACCESS_KEY_ID"] == access


def test_tables_of_the_page_are_those_that_are_computed() -> None:
    page = (ROOT / "docs" / "cluster.md").read_text("utf-8")
    clusters = [cluster_for(millions, PAPER) for millions in SIZES]
    for table in (field_table(PAPER), paper_table(PAPER), cluster_table(clusters)):
        assert table in page


def test_files_that_the_page_names_exist() -> None:
    page = (ROOT / "docs" / "cluster.md").read_text("utf-8")
    for name in re.findall(r"(?:deploy|docs|benchmarks)/[\w./-]+\.\w+", page):
        assert (ROOT / name).exists(), name
