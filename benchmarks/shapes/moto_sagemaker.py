"""100 isolated tests of 8 API calls about a training job, with moto's SageMaker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("sagemaker", region_name="us-east-1")


@pytest.mark.parametrize("number", range(100))
def test_training(number: int, client: Any) -> None:
    name = f"training-{number}"
    assert client.list_training_jobs()["TrainingJobSummaries"] == []
    created = client.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={
            "TrainingImage": "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1",
            "TrainingInputMode": "File",
        },
        RoleArn="arn:aws:iam::123456789012:role/trainer",
        InputDataConfig=[
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/text"}},
            }
        ],
        OutputDataConfig={"S3OutputPath": "s3://data/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )
    arn = created["TrainingJobArn"]
    assert client.describe_training_job(TrainingJobName=name)["TrainingJobArn"] == arn
    client.add_tags(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "test"}])
    assert client.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "stage", "Value": "test"}]
    assert len(client.list_training_jobs(NameContains=name)["TrainingJobSummaries"]) == 1
    assert client.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "Completed"
    finished = client.describe_training_job(TrainingJobName=name)
    assert finished["ModelArtifacts"]["S3ModelArtifacts"].startswith("s3://data/models")
