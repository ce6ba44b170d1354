//! stub
use std::{collections::BTreeMap,fmt,net::SocketAddr,path::PathBuf,time::Duration,sync::Arc};
use serde_json::{Map,Value};
#[derive(Clone,Debug)] pub struct Loaded{pub config:Config,pub origins:Origins,pub warnings:Vec<Diagnostic>}
#[derive(Clone,Debug,Default)] pub struct Origins;
impl Origins{pub fn diagnose(&self,path:&str,message:String,_c:&[&str])->Diagnostic{Diagnostic{path:path.into(),message}}}
#[derive(Clone,Debug)] pub struct Diagnostic{pub path:String,pub message:String}
#[derive(Debug)] pub struct Report(Vec<Diagnostic>);
impl Report{pub fn new(d:Vec<Diagnostic>)->Self{Self(d)}}
impl fmt::Display for Report{fn fmt(&self,f:&mut fmt::Formatter<'_>)->fmt::Result{for d in &self.0{writeln!(f,"error: {}: {}",d.path,d.message)?;}Ok(())}}
impl std::error::Error for Report{}
impl Report{pub fn to_json(&self)->String{String::new()}}
impl fmt::Display for Diagnostic{fn fmt(&self,f:&mut fmt::Formatter<'_>)->fmt::Result{write!(f,"{}",self.message)}}
#[derive(Default)] pub struct Sources{pub file:Option<PathBuf>,pub env:Vec<(String,String)>,pub overrides:Vec<(String,String)>,pub known_kinds:Vec<String>}
#[derive(Clone,Debug)] pub struct Config{pub server:ServerConfig,pub providers:BTreeMap<String,ProviderConfig>,pub models:Vec<(String,ModelConfig)>,pub timeouts:TimeoutsConfig,pub retry:RetryConfig,pub store:StoreConfig,pub engine:EngineConfig,pub pricing:PricingConfig,pub log:LogConfig}
#[derive(Clone,Debug)] pub struct ServerConfig{pub listen:SocketAddr,pub admin_listen:SocketAddr,pub max_body_bytes:usize,pub auth:AuthConfig,pub max_in_flight:usize,pub drain:Duration}
#[derive(Clone,Copy,Debug,PartialEq)] pub enum AuthConfig{Auto,Keys,Open}
#[derive(Clone,Debug)] pub struct ProviderConfig{pub kind:String,pub settings:Map<String,Value>}
#[derive(Clone,Debug)] pub struct ModelConfig{pub deployments:Vec<DeploymentConfig>,pub fallbacks:Vec<String>}
#[derive(Clone,Debug)] pub struct DeploymentConfig{pub provider:String,pub model:String,pub timeouts:Option<TimeoutsConfig>}
#[derive(Clone,Debug)] pub struct TimeoutsConfig{pub connect:Duration,pub first_byte:Duration,pub whole_first_byte:Duration,pub first_content:Duration,pub idle:Duration,pub total:Duration}
#[derive(Clone,Debug)] pub struct RetryConfig{pub attempts:u32,pub base_delay:Duration,pub max_delay:Duration,pub budget_percent:u32,pub budget_per_second:u32}
#[derive(Clone,Copy,Debug,PartialEq)] pub enum StoreErrorPolicy{Allow,Deny}
#[derive(Clone,Debug)] pub struct StoreConfig{pub path:Option<PathBuf>,pub on_error:StoreErrorPolicy}
#[derive(Clone,Debug)] pub struct EngineConfig{pub model:String,pub models_dir:Option<PathBuf>,pub threads:Option<usize>,pub max_queue:usize,pub context_tokens:Option<u32>}
#[derive(Clone,Debug,Default)] pub struct PricingConfig{pub overrides:Vec<PriceOverride>}
#[derive(Clone,Debug)] pub struct PriceOverride{pub provider:String,pub model:String,pub input:u64,pub output:u64}
#[derive(Clone,Copy,Debug,PartialEq)] pub enum LogFormat{Auto,Text,Json}
#[derive(Clone,Debug)] pub enum AccessTarget{Off,Stderr,File(PathBuf)}
#[derive(Clone,Debug)] pub struct LogConfig{pub format:LogFormat,pub level:String,pub access:AccessTarget}
impl Default for Config{fn default()->Self{Config{server:ServerConfig{listen:([127,0,0,1],4000).into(),admin_listen:([127,0,0,1],4001).into(),max_body_bytes:20<<20,auth:AuthConfig::Auto,max_in_flight:10000,drain:Duration::from_secs(30)},providers:Default::default(),models:vec![],timeouts:TimeoutsConfig{connect:Duration::from_secs(3),first_byte:Duration::from_secs(60),whole_first_byte:Duration::from_secs(600),first_content:Duration::from_secs(120),idle:Duration::from_secs(60),total:Duration::from_secs(900)},retry:RetryConfig{attempts:2,base_delay:Duration::from_millis(250),max_delay:Duration::from_secs(4),budget_percent:10,budget_per_second:1},store:StoreConfig{path:None,on_error:StoreErrorPolicy::Deny},engine:EngineConfig{model:"smollm2-135m-instruct".into(),models_dir:None,threads:None,max_queue:32,context_tokens:None},pricing:Default::default(),log:LogConfig{format:LogFormat::Auto,level:"info".into(),access:AccessTarget::Stderr}}}}
pub fn load(_s:&Sources)->Result<Loaded,Report>{Ok(Loaded{config:Config::default(),origins:Origins,warnings:vec![]})}
pub mod catalog{use super::*;
#[derive(Clone,Debug)] pub struct Price{pub id:Arc<str>,pub input:Option<u64>,pub output:Option<u64>,pub cache_read:Option<u64>,pub cache_write:Option<u64>}
pub struct Rates{pub input:Option<u64>,pub output:Option<u64>,pub cache_read:Option<u64>,pub cache_write:Option<u64>,pub audio_input:Option<u64>,pub audio_output:Option<u64>,pub reasoning:Option<u64>}
impl Price{pub fn rates(&self,_prompt:u64)->Rates{Rates{input:self.input,output:self.output,cache_read:None,cache_write:None,audio_input:None,audio_output:None,reasoning:None}}
pub fn from_override(o:&PriceOverride)->Self{Price{id:"override".into(),input:Some(o.input),output:Some(o.output),cache_read:None,cache_write:None}}}
pub struct Catalog;impl Catalog{pub fn embedded()->&'static Catalog{&Catalog} pub fn price(&self,_p:&str,_m:&str,_t:i64)->Option<&Price>{None}}
}
